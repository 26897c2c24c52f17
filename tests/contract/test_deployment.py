"""deploy/: the real programs accept the files, and every process has the time to end that its settings promise."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from tests.contract.test_settings import documented
from tests.support.servers import ROOT

DEPLOY = ROOT / "deploy"
BIN = Path(sys.prefix) / "bin"
KUBECTL, COMPOSE, CADDY = (str(BIN / name) for name in ("kubectl", "docker-compose", "caddy"))
#: What the compose file asks its `.env` for.
ENVIRONMENT = {"DOMAIN": "tandem.example.com", "SECRET_KEY": "x" * 64, "POSTGRES_PASSWORD": "y"}
DOCUMENTED = documented((ROOT / ".env.example").read_text()).keys()

#: Logs and traces, and the end of the interpreter.
FLUSH_SECONDS = 5
#: Program → what it may take to end, by option and default.
GRACES: dict[str, dict[str, float]] = {
    "runweb": {"--grace": settings.HTTP_GRACE_SECONDS},
    "rungrpc": {"--drain-wait": settings.GRPC_DRAIN_WAIT_SECONDS, "--grace": settings.GRPC_GRACE_SECONDS},
    "runworker": {"--grace": settings.WORKER_GRACE_SECONDS},
    "speechnode": {"--grace": 30.0},
    "migrate": {},
}


def seconds_to_end(command: list[str]) -> float:
    """Return the longest time that a process of this command takes to end after its signal."""
    (program,) = GRACES.keys() & set(command)
    given = dict(itertools.pairwise(command))
    return sum(float(given.get(option, default)) for option, default in GRACES[program].items()) + FLUSH_SECONDS


def resources(folder: str) -> list[dict[str, Any]]:
    done = subprocess.run([KUBECTL, "kustomize", DEPLOY / "kubernetes" / folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def pod_faults(resource: dict[str, Any]) -> list[str]:
    """Return the violations of the rules for a pod."""
    pod = resource["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    name = container["name"]
    pre_stop = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    rules = {
        "is killed before its grace ends": pod.get("terminationGracePeriodSeconds", 30)
        >= pre_stop + seconds_to_end(container["command"])
        or resource["kind"] == "Job",
        "stops while it is still an endpoint": pre_stop >= 5 or not container.get("readinessProbe"),
        "runs as root": pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0,
        "may write to its root": container["securityContext"]["readOnlyRootFilesystem"],
        "may gain privileges": not container["securityContext"]["allowPrivilegeEscalation"]
        and container["securityContext"]["capabilities"] == {"drop": ["ALL"]},
        "has no resources": {"cpu", "memory"} <= container["resources"]["requests"].keys()
        and "memory" in container["resources"]["limits"],
        "mounts what is not there": mounts == {volume["name"] for volume in pod["volumes"]},
        "has calls refused while it is replaced": resource["kind"] == "Job"
        or resource["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0,
        "is not of a version": ":" in container["image"] and not container["image"].endswith(":latest"),
    }
    return [f"{name} {fault}" for fault, holds in rules.items() if not holds]


@pytest.mark.tools(KUBECTL)
def test_manifests_are_valid_and_safe_and_pods_have_time_to_end() -> None:
    validation = pytest.importorskip("kubernetes_validate")
    found = resources("autoscaling")
    for resource in found:
        validation.validate(resource, "1.37", strict=True)
    names = [(resource["kind"], resource["metadata"]["name"]) for resource in found]
    assert {("PodDisruptionBudget", "tandem-web"), ("HorizontalPodAutoscaler", "tandem-grpc")} <= set(names)
    assert set(names) > {(one["kind"], one["metadata"]["name"]) for one in resources("base")}
    pods = [resource for resource in found if resource["kind"] in ("Deployment", "Job")]
    assert [fault for resource in pods for fault in pod_faults(resource)] == []
    by_name = {resource["metadata"]["name"]: resource for resource in pods}
    assert by_name.keys() == {f"tandem-{part}" for part in ("web", "grpc", "worker", "node", "migrate")}
    (grpc,) = by_name["tandem-grpc"]["spec"]["template"]["spec"]["containers"]
    assert grpc["readinessProbe"]["grpc"] == {"port": 50051}
    (variables,) = (resource["data"] for resource in found if resource["kind"] == "ConfigMap")
    assert variables.keys() <= DOCUMENTED
    # The rules find what they are for.
    spec = by_name["tandem-grpc"]["spec"]["template"]["spec"]
    spec["terminationGracePeriodSeconds"] = 49
    spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"] = False
    assert pod_faults(by_name["tandem-grpc"]) == ["grpc is killed before its grace ends", "grpc may write to its root"]


@pytest.mark.tools(COMPOSE)
@pytest.mark.parametrize("file", ["deploy/compose/docker-compose.yml", "docker-compose.grpc.yml"])
def test_compose_accepts_the_file_and_services_have_time_to_end(file: str) -> None:
    command = [COMPOSE, "-f", str(ROOT / file), "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **ENVIRONMENT})
    assert (done.returncode, done.stderr) == (0, "")
    services = json.loads(done.stdout)["services"]
    for name in {"web", "grpc", "worker", "node"} & services.keys():
        service = services[name]
        grace = float(service["stop_grace_period"].removesuffix("s"))
        assert grace >= seconds_to_end(service["command"]), f"{name} is killed before its grace ends"
        assert service["read_only"]
        assert service["environment"].keys() <= DOCUMENTED if service.get("environment") else True


@pytest.mark.tools(COMPOSE)
def test_the_compose_file_has_every_part_and_asks_for_its_secrets() -> None:
    text = (DEPLOY / "compose/docker-compose.yml").read_text()
    services = yaml.safe_load(text)["services"]
    assert services.keys() == {"proxy", "web", "grpc", "worker", "node", "migrate", "postgres", "valkey"}
    assert [name for name in services if "ports" in services[name]] == ["proxy"]
    bare = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    command = [COMPOSE, "-f", str(DEPLOY / "compose/docker-compose.yml"), "config", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, env=bare)
    assert done.returncode != 0
    assert "Set SECRET_KEY to a long random text in deploy/compose/.env." in done.stderr


@pytest.mark.tools(CADDY)
def test_caddy_accepts_its_file() -> None:
    command = [CADDY, "validate", "--adapter", "caddyfile", "--config", str(DEPLOY / "compose/Caddyfile")]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **ENVIRONMENT})
    assert done.returncode == 0, done.stderr
