// Builds dist/: the REST types from docs/openapi.json, the messages from the released contracts, and the modules.
import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const programs = here("../../node_modules/.bin");
const run = (program, ...options) =>
  execFileSync(`${programs}/${program}`, options, {
    cwd: here("."),
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, PATH: `${programs}:${process.env.PATH}` },
  });
const plugin = { local: "protoc-gen-es", out: "gen", opt: ["target=js+dts", "import_extension=js"], include_imports: true };

for (const folder of ["dist", "gen"]) rmSync(here(folder), { recursive: true, force: true });
run("openapi-typescript", "../../docs/openapi.json", "--output", "src/schema.d.ts");
run("buf", "generate", "../../proto/released.binpb", "--template", JSON.stringify({ version: "v2", plugins: [plugin] }));
run("tsc", "--project", "tsconfig.json");
cpSync(here("gen"), here("dist/gen"), { recursive: true });
cpSync(here("src/schema.d.ts"), here("dist/src/schema.d.ts"));
