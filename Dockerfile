# The serving image: API, actors, projections, on SQLite or Cassandra. No compiler, no TensorFlow, not root.
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/kinelog
COPY requirements/build.txt requirements/cassandra.txt requirements/
RUN /opt/kinelog/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt -r requirements/cassandra.txt
COPY . .
RUN /opt/kinelog/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

# The nightly fit's image: `docker build --target fit .`; the same program with what networks are trained with.
FROM build AS build-fit
COPY requirements/ml.txt requirements/
RUN /opt/kinelog/bin/pip install --no-cache-dir --require-hashes -r requirements/ml.txt

FROM python:3.12-slim AS fit
RUN groupadd --gid 10001 kinelog \
 && useradd --uid 10001 --gid kinelog --home-dir /data --no-create-home --shell /usr/sbin/nologin kinelog \
 && install -d -o kinelog -g kinelog -m 0700 /data
COPY --from=build-fit /opt/kinelog /opt/kinelog
ENV PATH=/opt/kinelog/bin:$PATH PYTHONUNBUFFERED=1
USER 10001:10001
VOLUME /data
STOPSIGNAL SIGTERM
ENTRYPOINT ["kinelog"]
CMD ["fit", "run", "--data", "/data"]

FROM python:3.12-slim
RUN groupadd --gid 10001 kinelog \
 && useradd --uid 10001 --gid kinelog --home-dir /data --no-create-home --shell /usr/sbin/nologin kinelog \
 && install -d -o kinelog -g kinelog -m 0700 /data
COPY --from=build /opt/kinelog /opt/kinelog
ENV PATH=/opt/kinelog/bin:$PATH PYTHONUNBUFFERED=1 KINELOG_HOST=0.0.0.0 KINELOG_PORT=8080
USER 10001:10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health/live', timeout=2)"]
ENTRYPOINT ["kinelog"]
CMD ["serve", "--data", "/data"]
