# The service with the PostgreSQL driver: gunicorn on port 8080, user 10001, read-only root.
# See docs/operate.md for settings, the sign-off that production needs, volumes and health.

FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements-postgres.lock ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --require-hashes -r requirements-postgres.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY cds_service ./cds_service
COPY hooks ./hooks
COPY fhir_fixtures ./fhir_fixtures
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d
LABEL org.opencontainers.image.title="lm-cds-hooks" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 lm-cds \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin lm-cds \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/lm-cds
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LM_CDS_DATABASE_URL=sqlite:////var/lib/lm-cds/lm-cds.sqlite3
USER 10001:10001
WORKDIR /var/lib/lm-cds
VOLUME /var/lib/lm-cds
EXPOSE 8080
STOPSIGNAL SIGTERM
# Only whether the process answers: a restart does not mend a database. /readyz asks for more.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]
CMD ["gunicorn", "--config", "python:cds_service.gunicorn_conf", "--bind", "0.0.0.0:8080", "--workers", "2"]
