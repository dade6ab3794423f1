# syntax=docker/dockerfile:1
# Static, non-root, nothing in it but the binary: no shell, no git, no package.
# Releases pass both bases by digest (docs/releasing.md); the tags here are for
# building it yourself.
ARG GO_IMAGE=docker.io/library/golang:1.26
ARG BASE_IMAGE=gcr.io/distroless/static-debian12:nonroot

FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS=linux
ARG TARGETARCH
ARG VERSION=devel
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /out/leakgate ./cmd/leakgate

FROM ${BASE_IMAGE}
ARG VERSION=devel
ARG REVISION=
LABEL org.opencontainers.image.title="leakgate" \
      org.opencontainers.image.description="Finds secrets in git histories, changes, folders and streams and refuses them" \
      org.opencontainers.image.source="https://github.com/leakgate/leakgate" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/leakgate /leakgate
USER 65532:65532
WORKDIR /src
ENTRYPOINT ["/leakgate"]
CMD ["scan", "/src"]
