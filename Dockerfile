# The media service: REST API and streaming endpoint, or one encode (`node media-service/encode-one.mjs`).
# Runs as a user without rights, needs no file that it may write, and drains when it is told to stop (SIGTERM).

FROM node:22-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node package.mjs media-service

FROM node:22-bookworm-slim
# Debian's ffmpeg: with libx264, AAC and the filters for high dynamic range, and with Debian's security updates.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ffmpeg \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /build/dist/package/media-service ./
ENV NODE_ENV=production \
  MEDIA_SERVICE_HOST=0.0.0.0 \
  MEDIA_SERVICE_PORT=8080
USER node
EXPOSE 8080
STOPSIGNAL SIGTERM
CMD ["node", "media-service/main.mjs"]
