# The registry server. `docker compose up` runs it with a PostgreSQL; docs/deployment.md says more.

FROM python:3.13-slim AS build
WORKDIR /source
RUN python -m venv /opt/stardag
# The lock is complete and holds a hash for every file, so there is nothing to resolve; it changes seldom, so it comes first.
COPY requirements.lock ./
RUN /opt/stardag/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY pyproject.toml LICENSE ./
COPY src src
RUN /opt/stardag/bin/pip install --no-cache-dir --no-deps --no-build-isolation ".[registry]"

FROM python:3.13-slim
RUN useradd --uid 10001 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin stardag \
    && install --directory --owner stardag --group stardag --mode 0700 /data
COPY --from=build /opt/stardag /opt/stardag
ENV PATH="/opt/stardag/bin:$PATH"
USER stardag
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener as b; b(ProxyHandler({})).open('http://127.0.0.1:8000/health', timeout=5)"]
ENTRYPOINT ["stardag", "registry", "serve", "--host", "0.0.0.0", "--port", "8000", "--data-dir", "/data"]
