# syntax=docker/dockerfile:1
# The GitHub App. Its base holds git, which fetches, and certificates; it runs as
# nobody in particular. Releases pass both bases by digest (docs/releasing.md); the tags
# here are for building it yourself.
ARG GO_IMAGE=docker.io/library/golang:1.26
ARG BASE_IMAGE=docker.io/alpine/git:latest

FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS=linux
ARG TARGETARCH
ARG VERSION=devel
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /out/leakgate-app ./cmd/leakgate-app
# An empty folder, which a volume takes its owner from.
WORKDIR /out/data

FROM ${BASE_IMAGE}
ARG VERSION=devel
ARG REVISION=
LABEL org.opencontainers.image.title="leakgate-app" \
      org.opencontainers.image.description="Judges every push and pull request of the organisations that installed it" \
      org.opencontainers.image.source="https://github.com/leakgate/leakgate" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/leakgate-app /leakgate-app
COPY --from=build --chown=65532:65532 /out/data /var/lib/leakgate-app
VOLUME /var/lib/leakgate-app
USER 65532:65532
ENTRYPOINT ["/leakgate-app"]
CMD ["serve"]
