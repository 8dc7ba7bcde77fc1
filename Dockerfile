# The image of uveth: a build with Rust, then a slim runtime with what runs and nothing else.
#
#   docker build -t uveth .                     the image: its command is the daemon
#   docker build -t uveth-test --target test .  the whole repository with its tests; scripts/docker-test
#
# It builds with BuildKit and with the classic builder, and from any images that have the same things in the
# same places: --build-arg NODE_IMAGE=… --build-arg RUST_IMAGE=… (both of one libc, the older one in RUST_IMAGE).
# What it was built from is known to who builds it: --label org.opencontainers.image.revision=$(git rev-parse HEAD)

ARG NODE_IMAGE=node:24-bookworm-slim
ARG RUST_IMAGE=rust:1-slim-bookworm

FROM ${NODE_IMAGE} AS node

# Node into Rust's image: a toolchain would be the heavier thing to carry.
FROM ${RUST_IMAGE} AS tools
COPY --from=node /usr/local/ /usr/local/
WORKDIR /src
COPY package.json package-lock.json .npmrc ./

FROM tools AS production
RUN npm ci --omit=dev --ignore-scripts --loglevel=error

FROM tools AS build
RUN npm ci --ignore-scripts --loglevel=error
COPY native native
COPY scripts/build-client.js scripts/
RUN npm run --silent build:native
COPY tsconfig.json tsconfig.page.json ./
COPY scripts/describe-types.js scripts/man.js scripts/
COPY src src
RUN npm run --silent build:ts

FROM build AS test
COPY . .
# The stamps say to scripts/setup that the packages and the build above are up to date.
RUN mkdir -p .cache && touch .cache/built-native .cache/built-ts \
 && cp package-lock.json node_modules/.uveth-installed \
 && scripts/setup test \
 && rm -rf /var/lib/apt/lists/*
CMD ["scripts/test", "--only", "unit", "--only", "kernel", "--only", "integration"]

FROM ${NODE_IMAGE} AS runtime
# `npm version` writes it.
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="uveth" \
      org.opencontainers.image.description="A virtual Ethernet cable in user space" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"
WORKDIR /opt/uveth
COPY --from=production /src/node_modules node_modules
COPY --from=build /src/native/binding.cjs native/
COPY --from=build /src/native/*.node native/
COPY --from=build /src/native/shim native/shim
COPY --from=build /src/dist dist
COPY shim shim
COPY package.json LICENSE ./
RUN ln -s /opt/uveth/dist/cli/main.js /usr/local/bin/uveth \
 && ln -s /opt/uveth/dist/cli/extcap.js /usr/local/bin/uveth-extcap \
 && ln -s /opt/uveth/dist/cni/main.js /usr/local/bin/uveth-cni
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 CMD ["uveth", "health"]
ENTRYPOINT ["uveth"]
CMD ["daemon"]
