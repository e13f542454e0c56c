# One image for every command of Pulseline; docker-compose.yml says which of them runs where.

FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY core core
COPY broker broker
COPY ingest ingest
COPY api api
COPY client client
RUN python3 -m venv /opt/pulseline \
    && /opt/pulseline/bin/pip install --quiet --disable-pip-version-check '.[server,postgres]'

FROM python:3.13-slim
# Answers that are too large for the memory lie in TMPDIR until they are sent.
RUN groupadd --gid 10001 pulseline \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin pulseline \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data /data/tmp
COPY --from=build /opt/pulseline /opt/pulseline
ENV PATH=/opt/pulseline/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/data \
    TMPDIR=/data/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PULSELINE_DATA_DIR=/data/pulseline \
    PULSELINE_LOG_FILE=false
VOLUME /data
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["pulseline", "health", "api"]
ENTRYPOINT ["pulseline"]
CMD ["up"]
