/**
 * Our OMS signer and verifier behind the command line of the public conformance suite
 * (sampras343/model-signing-conformance); docs/oms-conformance.md says how to run it.
 *
 *   oms-conformance.ts sign-model   --method key --model-path M --private-key PEM --output-bundle FILE
 *   oms-conformance.ts verify-model --method key --model-path M --public-key PEM --bundle FILE
 *     [--ignore-paths PATH]… [--ignore-unsigned-files]
 *
 * Exit status 0 when it signed or verified, and what; else 1 and the reason on standard error.
 */
import { omsAdapter } from './lib/oms-adapter.ts'

try {
  process.stdout.write(`${await omsAdapter(process.argv.slice(2))}\n`)
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
