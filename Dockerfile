# One image for cloud, gateway and simulator; the command chooses.
FROM node:20-bookworm-slim AS web
WORKDIR /build/cloud/web
COPY cloud/web/package.json cloud/web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY cloud/web ./
RUN npm run build

FROM python:3.11-slim-bookworm AS app
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN pip install --require-hashes -r requirements.lock
COPY edge ./edge
COPY gateway ./gateway
COPY cloud ./cloud
COPY firmware_sim ./firmware_sim
COPY yuyue.py ./
COPY --from=web /build/cloud/web/dist ./cloud/web/dist
RUN pip install --no-deps -e . \
    && apt-get update -qq && apt-get install -y -qq --no-install-recommends fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home yuyue \
    && install -d -o yuyue -g yuyue /var/lib/yuyue
USER yuyue
VOLUME /var/lib/yuyue
ENTRYPOINT ["yuyue"]
CMD ["--help"]
