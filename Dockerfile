# The serving image: API, actors, projections, on Cassandra or SQLite, one node or many. No compiler, no TensorFlow, not
# root, and no pip where it runs. How the digest is brought up to date: docs/deploying.md.
FROM python:3.12-slim@sha256:78387bc3881b8273120a12ebe6c1ab22b018ccc2c9adf565ae1ac9b536e184ea AS base
RUN groupadd --gid 10001 kinelog \
 && useradd --uid 10001 --gid kinelog --home-dir /data --no-create-home --shell /usr/sbin/nologin kinelog \
 && install -d -o kinelog -g kinelog -m 0700 /data
ENV PATH=/opt/kinelog/bin:$PATH PYTHONUNBUFFERED=1

FROM base AS build
WORKDIR /src
RUN python -m venv --without-pip /opt/kinelog
COPY requirements/build.txt requirements/cluster.txt requirements/
# What builds goes beside the environment that is copied, what runs into it.
RUN /usr/local/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && /usr/local/bin/pip --python /opt/kinelog/bin/python install --no-cache-dir --require-hashes -r requirements/cluster.txt
COPY . .
RUN /usr/local/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /usr/local/bin/pip --python /opt/kinelog/bin/python install --no-cache-dir --no-deps --no-index /wheels/*.whl

# The nightly fit's image: `docker build --target fit .`; the same program with what networks are trained with.
FROM build AS build-fit
COPY requirements/ml.txt requirements/
RUN /usr/local/bin/pip --python /opt/kinelog/bin/python install --no-cache-dir --require-hashes -r requirements/ml.txt

FROM base AS fit
COPY --from=build-fit /opt/kinelog /opt/kinelog
USER 10001:10001
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK NONE
ENTRYPOINT ["kinelog"]
CMD ["fit", "run", "--data", "/data"]

FROM base
COPY --from=build /opt/kinelog /opt/kinelog
ENV KINELOG_HOST=0.0.0.0 KINELOG_PORT=8080 KINELOG_INTERNAL_PORT=7946
USER 10001:10001
VOLUME /data
EXPOSE 8080 7946 9108
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s --retries=6 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['KINELOG_PORT'] + '/health/live', timeout=2)"]
ENTRYPOINT ["kinelog"]
CMD ["serve", "--data", "/data"]
