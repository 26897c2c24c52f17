# One image for every process of Tandem: it serves HTTP unless it is given another command, such as
# `python manage.py rungrpc`. It holds no secret and no database: SECRET_KEY and DATABASE_URL come from its environment.

FROM python:3.13-slim AS build
WORKDIR /app
COPY requirements.in requirements.txt requirements-moonshine.txt requirements-s3.txt requirements-redis.txt ./
# Without a pip of its own, and without what only the tests need; wheels only, so that no compiler is needed.
RUN python -m venv --without-pip /venv \
    && sed '/^# tests/,$d' requirements.in > /tmp/runtime.in \
    && pip --python /venv/bin/python install --no-cache-dir --only-binary=:all: -r /tmp/runtime.in -c requirements.txt \
        -r requirements-s3.txt -r requirements-redis.txt \
    && pip --python /venv/bin/python install --no-cache-dir --only-binary=:all: --no-deps -r requirements-moonshine.txt
COPY . .
# The settings ask for a key; this one is good for this line.
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_hex())')" \
    /venv/bin/python manage.py collectstatic --no-input

# The documentation, with what generates it, which the image does not need.
FROM python:3.13-slim AS docs
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir --only-binary=:all: -r requirements.txt
COPY . .
RUN python -m scripts.site

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HTTP_HOST=0.0.0.0 GRPC_HOST=0.0.0.0
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin tandem
COPY --from=build /venv /venv
COPY --from=build /app /app
COPY --from=docs /app/site /app/site
# What people upload; a volume belongs there.
RUN install -d -o 10001 -g 10001 -m 700 /app/var/media
WORKDIR /app
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
EXPOSE 8000 50051
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "scripts/health_check.py", "--http", "http://127.0.0.1:8000/health/ready"]
# No shell in between: SIGTERM reaches the process, which then ends well.
CMD ["python", "manage.py", "runweb"]
