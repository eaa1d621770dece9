#!/usr/bin/env bash
# Runs our OMS signer and verifier against the public conformance suite and the public `model_signing` command line.
# Needs python3 (3.10 or later), git, openssl, and the network for what is not in the work folder yet.
#
#   scripts/oms-python-check.sh WORK_DIR [STATE_DIR]
#
# WORK_DIR  keeps the virtual environment and the two repositories; made when missing
# STATE_DIR of `npm start -- --once --dir STATE_DIR`: every package that it signed is verified too
set -euo pipefail

SUITE=https://github.com/sampras343/model-signing-conformance
SUITE_COMMIT=114b0f72da8d7502cfdc3c83003c9d2d4a30682e
SPEC=https://github.com/ossf/model-signing-spec
SPEC_COMMIT=a0c91e2c930298efb8e8445bf475e4fa217d89cd
# model-signing 1.1.1 imports pyOpenSSL without naming it among what it needs.
PACKAGES=(model-signing==1.1.1 pyopenssl==26.4.0 pytest==9.2.0 jsonschema==4.26.0 referencing==0.37.0)
# X.509 certificate mode, which we do not have.
EXPECTED_FAILURES='historical/historical-v0.2.0-certificate
historical/historical-v0.3.1-certificate
historical/historical-v1.0.0-certificate
historical/historical-v1.0.1-certificate
historical/historical-v1.1.0-certificate
positive/certificate-simple
positive/certificate-simple-go
certificate-multi-file
certificate-self-signed
certificate-simple'

[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd)
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT

checkout() { # URL COMMIT DIR
  [ -d "$3" ] || git clone -q "$1" "$3"
  git -C "$3" checkout -q "$2"
}
checkout "$SUITE" "$SUITE_COMMIT" "$work/suite"
checkout "$SPEC" "$SPEC_COMMIT" "$work/spec"
python=$work/venv/bin/python
cli=$work/venv/bin/model_signing
[ -x "$python" ] || python3 -m venv "$work/venv"
"$python" -m pip install -q --disable-pip-version-check "${PACKAGES[@]}"

failures=0
check() { # WHAT ok|fail COMMAND...
  local what=$1 want=$2 got=ok said
  shift 2
  said=$("$@" 2>&1) || got=fail
  said=$(tail -n 1 <<<"$said" | cut -c -110)
  if [ "$got" = "$want" ]; then echo "ok    $what: $said"; else
    echo "WRONG $what: $said"
    failures=$((failures + 1))
  fi
}
node=$root/node_modules/.bin/node
printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$node" "$root/scripts/oms-conformance.ts" >"$run/adapter"
chmod +x "$run/adapter"
sign_ours() { "$run/adapter" sign-model --method key --model-path "$1" --private-key "$2" --output-bundle "$3"; }
verify_ours() { "$run/adapter" verify-model --method key --model-path "$1" --public-key "$2" --bundle "$3"; }
sign_cli() { "$cli" sign key "$1" --private_key "$2" --signature "$3"; }
verify_cli() { "$cli" verify key "$1" --public_key "$2" --signature "$3"; }
verify_device() { # PUBLIC_KEY BUNDLE
  "$node" --input-type=module --eval "
    import { readFileSync } from 'node:fs'
    import { omsKey } from '$root/verifier/model.ts'
    import { verifyOmsBundle } from '$root/verifier/oms.ts'
    try { console.log(verifyOmsBundle(readFileSync('$2'), omsKey(readFileSync('$1', 'utf8'))).length, 'files') }
    catch (error) { console.log(error.code, error.message); process.exitCode = 1 }"
}

echo "== conformance suite $SUITE_COMMIT, schemas $SPEC_COMMIT"
mkdir "$run/python" && ln -s "$work/spec/schemas" "$run/python/oms_schemas"
(cd "$work/suite" && PYTHONPATH=$run/python "$python" -m pytest test -q -p no:cacheprovider --tb=no -rf \
  --skip-sigstore --entrypoint="$run/adapter") >"$run/suite.txt" || true
tail -n 1 "$run/suite.txt"
failed=$(sed -n 's/^FAILED [^[]*\[\([^ ]*\) .*/\1/p' "$run/suite.txt" | sort)
if ! diff <(sort <<<"$EXPECTED_FAILURES") <(echo "$failed"); then
  echo 'WRONG: other cases failed than those of certificate mode'
  failures=$((failures + 1))
fi

echo "== $("$cli" --version), $("$python" --version)"
for curve in prime256v1 secp384r1 secp521r1; do
  key=$run/$curve
  mkdir -p "$key/model/weights/part" "$key/model/.github"
  openssl ecparam -genkey -noout -name "$curve" -out "$key/private.pem"
  openssl pkey -in "$key/private.pem" -pubout -out "$key/public.pem"
  printf '{"a":1}\n' >"$key/model/config.json"
  printf '模型' >"$key/model/模型 (1).txt"
  : >"$key/model/empty.bin"
  head -c 1500000 /dev/urandom >"$key/model/weights/part/w.bin"
  echo x >"$key/model/.github/not-signed"
  cp -r "$key/model" "$key/tampered"
  printf 'b' | dd of="$key/tampered/config.json" bs=1 seek=2 conv=notrunc status=none
  sign_ours "$key/model" "$key/private.pem" "$key/ours.sig" >/dev/null
  check "$curve: ours, verified by the CLI" ok verify_cli "$key/model" "$key/public.pem" "$key/ours.sig"
  check "$curve: ours, one byte changed, CLI" fail verify_cli "$key/tampered" "$key/public.pem" "$key/ours.sig"
  sign_cli "$key/model" "$key/private.pem" "$key/cli.sig" >/dev/null
  check "$curve: the CLI's, verified by ours" ok verify_ours "$key/model" "$key/public.pem" "$key/cli.sig"
  check "$curve: the CLI's, one byte changed, ours" fail verify_ours "$key/tampered" "$key/public.pem" "$key/cli.sig"
done

echo '== the order of names: a/b before a-b is the order of the CLI, not that of the specification'
key=$run/prime256v1
mkdir -p "$run/order/a" && echo 1 >"$run/order/a/b" && echo 2 >"$run/order/a-b"
sign_cli "$run/order" "$key/private.pem" "$run/order-cli.sig" >/dev/null
sign_ours "$run/order" "$key/private.pem" "$run/order-ours.sig" >/dev/null
check "the CLI's, verified by ours" ok verify_ours "$run/order" "$key/public.pem" "$run/order-cli.sig"
check "the CLI's, on a device" fail verify_device "$key/public.pem" "$run/order-cli.sig"
check 'ours, verified by the CLI' ok verify_cli "$run/order" "$key/public.pem" "$run/order-ours.sig"
check 'ours, on a device' ok verify_device "$key/public.pem" "$run/order-ours.sig"

if [ $# -ge 2 ]; then
  echo '== packages of the loop'
  stored=$(grep -l '"stableName":"ModelKey"' "$2"/kms/*.json)
  "$node" -p 'JSON.parse(require("node:fs").readFileSync(process.argv[1])).secret' "$stored" |
    openssl pkey -pubout -out "$run/model-key.pem"
  bundles=$(grep -l 'dev\.sigstore\.bundle' "$2"/s3/*artefacts*/data/*) || { echo "no bundle in $2"; exit 1; }
  for archive in $(grep -l --text 'ustar' "$2"/s3/*artefacts*/data/* | grep -vxF "$bundles"); do
    model=$run/$(basename "$archive")
    mkdir "$model" && tar -xf "$archive" -C "$model"
    digest=$(sha256sum "$model/contract.json" | cut -d ' ' -f 1)
    for bundle in $bundles; do
      payload=$("$node" -p 'Buffer.from(JSON.parse(require("node:fs").readFileSync(process.argv[1])).dsseEnvelope.payload, "base64").toString()' "$bundle")
      name=$("$node" -p 'JSON.parse(process.argv[1]).subject[0].name' "$payload")
      want=fail && grep -q "$digest" <<<"$payload" && want=ok
      check "$(ls "$model" | xargs) with the bundle of $name" $want verify_cli "$model" "$run/model-key.pem" "$bundle"
    done
  done
fi
[ "$failures" -eq 0 ] && echo 'all as expected' || { echo "$failures wrong"; exit 1; }
