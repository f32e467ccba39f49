# An image of derp-relay alone, for those who run their containers themselves; docs/compose.md has more of it.
#
#   npm pack
#   docker build --tag derp-relay .
#   docker run --detach --name derp-relay --network host --restart unless-stopped --cap-drop ALL --read-only \
#     --volume derp-relay:/var/lib/derp-relay derp-relay -hostname 203.0.113.7
#
# For several kinds of processors: docker buildx build --platform linux/amd64,linux/arm64 --tag … --push .
ARG NODE=node:24-bookworm-slim
FROM ${NODE}

# Nothing is built here: the package holds the relay in one file, and needs Node only.
ADD derp-setup-*.tgz /opt/
RUN mkdir -m 700 /var/lib/derp-relay && chown 1000:1000 /var/lib/derp-relay

# Ports above 1023, which nobody needs to be root for. Every setting is a variable; docs/derper-flags.md lists them.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2 \
    DERP_ADDR=:8443 \
    DERP_HTTP_PORT=-1 \
    DERP_C=/var/lib/derp-relay/derper.key \
    DERP_CERT_MODE=manual \
    DERP_CERT_DIR=/var/lib/derp-relay/certs
USER 1000:1000
VOLUME /var/lib/derp-relay
EXPOSE 8443/tcp 3478/udp
STOPSIGNAL SIGTERM
# The relay shows its counters to its own machine only; whoever answers with them serves.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["node", "-e", \
  "require('node:https').get({host:'127.0.0.1',port:process.env.DERP_ADDR.replace(/.*:|[^0-9]/g,''),path:'/debug/vars',rejectUnauthorized:false,timeout:5000},(answer)=>process.exit(answer.statusCode===200?0:1)).on('error',()=>process.exit(1)).on('timeout',()=>process.exit(1))"]
ENTRYPOINT ["node", "/opt/package/bin/derp-relay.cjs"]
