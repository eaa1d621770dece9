import { parseUntrustedJson } from '../../verifier/json.ts'

/** Texts of the kinds that are parsed, and two that cost a scan the most. */
const texts = (): Readonly<Record<string, string>> => {
  const row = (i: number) => Array.from({ length: 20 }, (_, f) => Math.fround(Math.sin(i * 20 + f)))
  const sample = (_: unknown, i: number) => ({
    eventId: `e${i}`,
    t: 1_760_000_000_000 + i,
    lane: 'audit',
    pi: 0.25,
    row: row(i),
    margins: [0.5],
    prediction: 1,
  })
  return {
    'samples from a device': JSON.stringify(Array.from({ length: 100 }, sample)),
    'a signed document': JSON.stringify({
      payload: 'QUJD'.repeat(30_000),
      signatures: [{ keyid: '', sig: 'QUJD' }],
    }),
    'numbers, as in a model': JSON.stringify(Array.from({ length: 5_000 }, (_, i) => row(i))),
    'one object of many keys': JSON.stringify(
      Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, i])),
    ),
    'empty objects': `[${'{},'.repeat(500_000)}{}]`,
  }
}

/** Prints how much longer the guard takes than JSON.parse of the same bytes. */
export function compareJson(rounds: number, print: (line: string) => void): void {
  print('\nparseUntrustedJson against JSON.parse of the same bytes')
  for (const [name, text] of Object.entries(texts())) {
    const bytes = Buffer.from(text)
    const guarded = () => parseUntrustedJson(bytes, { maxBytes: bytes.length, maxDepth: 8 })
    const plain = () => JSON.parse(bytes.toString()) as unknown
    const calls = Math.max(1, Math.round(2_000_000 / bytes.length))
    time(guarded, calls)
    time(plain, calls)
    const ratios = Array.from({ length: rounds }, () => {
      const base = time(plain, calls)
      return time(guarded, calls) / base
    }).sort((a, b) => a - b)
    const at = (q: number) => ratios[Math.round(q * (rounds - 1))]!.toFixed(2)
    print(
      `  ${name.padEnd(26)} ${(bytes.length / 1e6).toFixed(2)} MB  ${at(0.5)} (${at(0.1)} to ${at(0.9)})x`,
    )
  }
}

function time(call: () => unknown, calls: number): number {
  const start = performance.now()
  for (let i = 0; i < calls; i++) call()
  return performance.now() - start
}
