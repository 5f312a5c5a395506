#!/usr/bin/env bash
# Blue/green on one host: two systemd units of one application, and Tidegate in front of them.
#
#   systemd-release.sh deploy v2.1     v2.1 on the pool without traffic, and the traffic to it once it is healthy
#   systemd-release.sh rollback        everything back to the pool before, at once; its unit still runs
#
# Exit codes are those of tidegate: 0 promoted or taken back, 1 refused or rolled back, 3 Tidegate not reachable.
#
# The units are two instances of one template, /etc/systemd/system/shop@.service:
#
#   [Service]
#   EnvironmentFile=/etc/shop/%i.env
#   ExecStart=/srv/shop/${VERSION}/bin/shop --port ${PORT}
#   TimeoutStopSec=90
#   Restart=on-failure
#
# and /etc/shop/blue.env and green.env say VERSION=v2.0 and PORT=3001 (3101). In Tidegate's file each pool has a line
#
#   blue: { version: v2.0, endpoints: [127.0.0.1:3001] }
#
# whose version this script writes. The unit that lost its traffic goes on until the next release, so that a rollback
# finds it warm.

set -euo pipefail

SERVICE=${SHOP_SERVICE:-shop}
CONFIG=${SHOP_CONFIG:-/etc/tidegate/tidegate.yaml}
ENVIRONMENTS=${SHOP_ENVIRONMENTS:-/etc/shop}
HEALTH_PATH=${SHOP_HEALTH_PATH:-/healthz}
HEALTHY_WITHIN_SECONDS=${SHOP_HEALTHY_WITHIN_SECONDS:-60}

fail() {
  echo "systemd-release.sh: $*" >&2
  exit 1
}

# The pool that is not active; there must be just one.
idle_pool() {
  local idle
  idle=$(tidegate status "$SERVICE" --json | jq -r '(.pools | map(.name)) - [.active] | join(" ")')
  [[ $idle =~ ^[a-z]+$ ]] || fail "expected one pool without traffic, found: ${idle:-none}"
  echo "$idle"
}

wait_until_healthy() {
  local port=$1 until=$((SECONDS + HEALTHY_WITHIN_SECONDS))
  until curl --silent --fail --max-time 2 --output /dev/null "http://127.0.0.1:$port$HEALTH_PATH"; do
    ((SECONDS < until)) || return 1
    sleep 0.5
  done
}

deploy() {
  local version=$1 pool port
  [[ $version =~ ^[A-Za-z0-9._-]+$ ]] || fail "not a version: $version"
  pool=$(idle_pool)
  port=$(sed -n 's/^PORT=//p' "$ENVIRONMENTS/$pool.env")

  # Nobody is served by this unit, so it may be restarted. What a drain has left over is ended by its TimeoutStopSec.
  sed -i "s/^VERSION=.*/VERSION=$version/" "$ENVIRONMENTS/$pool.env"
  systemctl restart "$SERVICE@$pool.service"
  wait_until_healthy "$port" ||
    fail "$SERVICE@$pool is not healthy after $HEALTHY_WITHIN_SECONDS s; no traffic has moved"

  # The version is how every statistic of the pool is called, and what the rollout checks.
  sed -i -E "s/^( *$pool: \{ version: )[^,]+/\1$version/" "$CONFIG"
  tidegate validate "$CONFIG"
  tidegate reload

  # Smoke tests on every endpoint, one move, the same tests again, and the bake. Comes back by itself when one fails.
  tidegate rollout start "$SERVICE" --to "$pool" --version "$version" --plan blue-green --wait \
    --reason "deploy of $version"
}

case ${1:-} in
  deploy) deploy "${2:?which version?}" ;;
  rollback) tidegate rollback "$SERVICE" --reason "${2:-by hand}" ;;
  *) fail 'usage: systemd-release.sh deploy VERSION | rollback [REASON]' ;;
esac
