# One static binary on an empty image, run by nobody. The binary is its own health check.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /guardy ./app/cmd/guardy

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /guardy /guardy
USER 65532:65532
ENV HOST=0.0.0.0 PORT=8000
EXPOSE 8000 8081
HEALTHCHECK --interval=10s --timeout=2s --start-period=5s CMD ["/guardy", "healthcheck"]
ENTRYPOINT ["/guardy"]
CMD ["serve"]
