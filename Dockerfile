# The image of Tidegate: built with the repository's own toolchain, run as a user without rights.
#
#   docker build -t tidegate .
#   docker run -p 8080:8080 -v "$PWD/tidegate.yaml:/etc/tidegate/tidegate.yaml:ro" -v tidegate:/var/lib/tidegate tidegate
#
# The admin API listens inside the container only (`docker exec NAME tidegate status`), unless the config says otherwise and
# has a token.

FROM node:24-bookworm-slim AS build
WORKDIR /build
# Dependencies first: they change less often than sources, and this layer is then taken from the cache.
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
ENV NODE_ENV=production
# What the health check below and `docker exec NAME tidegate ...` call. Set it when the config moves the admin API.
ENV TIDEGATE_ADMIN=http://127.0.0.1:9900

COPY --from=build /build/package.json /opt/tidegate/
COPY --from=build /build/node_modules /opt/tidegate/node_modules
COPY --from=build /build/dist /opt/tidegate/dist
COPY bin /opt/tidegate/bin
COPY config/tidegate.yaml /etc/tidegate/tidegate.yaml
# The state lies where Tidegate is started: `.tidegate/state.db`, in a volume, so that positions outlive the container.
RUN ln -s /opt/tidegate/bin/tidegate.js /usr/local/bin/tidegate \
  && mkdir -p /var/lib/tidegate \
  && chown node:node /var/lib/tidegate
USER node
WORKDIR /var/lib/tidegate
VOLUME /var/lib/tidegate
EXPOSE 8080

HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch(new URL('/healthz', process.env.TIDEGATE_ADMIN)).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

# No shell in between: SIGTERM reaches Tidegate, which stops in order. Give it the time that `shutdown.deadline` allows:
# docker run --stop-timeout 35.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/opt/tidegate/bin/tidegate.js"]
CMD ["run", "--config", "/etc/tidegate/tidegate.yaml"]
