#!/bin/sh
# The feed of one tenant into Kafka. It stops in order when sess-search alone is stopped: the other
# two then read to the end of what it has printed, deliver it and record it.
#
#    TENANT_ENV      the tenant's settings: INCYDR_URL, INCYDR_API_CLIENT_ID, INCYDR_API_CLIENT_SECRET,
#                    and SESS_TENANT=NAME, which every session is tagged with
#    FEED            the checkpoint's name
#    BROKERS, TOPIC  where to; KAFKA_OPTIONS has further options of sess-kafka
#    INTERVAL        how often to ask, and never end; empty: once
#    METRICS         the folder for the figures
set -eu -o pipefail

tenant=$(sed -n 's/^SESS_TENANT=//p' "$TENANT_ENV")
: "${tenant:?there is no SESS_TENANT in $TENANT_ENV}"

sess-search --env-file "$TENANT_ENV" --checkpoint "$FEED" --defer --wait 1m \
    ${INTERVAL:+--follow "$INTERVAL"} --tag "tenant=$tenant" \
    --metrics "$METRICS/sess-search-$tenant.prom" --metrics-label "tenant=$tenant" |
    sess-kafka --ack --brokers "$BROKERS" ${KAFKA_OPTIONS:-} --header tenant=tenant \
        --metrics "$METRICS/sess-kafka-$tenant.prom" --metrics-label "tenant=$tenant" "$TOPIC" |
    sess-checkpoint --env-file "$TENANT_ENV" commit "$FEED" >/dev/null
