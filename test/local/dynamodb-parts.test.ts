import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareUtf8 } from '../../local/dynamodb/compare.ts'
import { hash32 } from '../../local/dynamodb/item-store.ts'
import { addNumbers, compareNumbers, normaliseNumber, subtractNumbers } from '../../local/dynamodb/number.ts'
import { createSortedList } from '../../local/dynamodb/sorted-list.ts'

/** Decimals as integers of millionths, so that BigInt arithmetic is the reference. */
const millionths = fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n })
const decimal = (value: bigint): string => {
  const digits = (value < 0n ? -value : value).toString().padStart(7, '0')
  return `${value < 0n ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`
}
const canonical = (value: bigint): string => normaliseNumber(decimal(value))

describe('numbers', () => {
  it('add, subtract and compare exactly', () => {
    fc.assert(
      fc.property(millionths, millionths, (a, b) => {
        expect(addNumbers(canonical(a), canonical(b))).toBe(canonical(a + b))
        expect(subtractNumbers(canonical(a), canonical(b))).toBe(canonical(a - b))
        expect(Math.sign(compareNumbers(canonical(a), canonical(b)))).toBe(a < b ? -1 : a > b ? 1 : 0)
      }),
    )
  })

  it('have one text per value', () => {
    fc.assert(
      fc.property(
        millionths,
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: -20, max: 20 }),
        (value, zeros, shift) => {
          const padded = `${'0'.repeat(zeros)}${decimal(value).replace('-', '')}${'0'.repeat(zeros)}`
          const sign = value < 0n ? '-' : ''
          expect(normaliseNumber(`${sign}${padded}`)).toBe(canonical(value))
          expect(normaliseNumber(`${normaliseNumber(`${sign}${padded}E${shift}`)}e${-shift}`)).toBe(
            canonical(value),
          )
        },
      ),
    )
  })

  it.each(['', '.', '1.2.3', '0x10', '1e', 'NaN', 'Infinity', ' 1', '1_000', '--1'])('refuse %j', text => {
    expect(() => normaliseNumber(text)).toThrow('cannot be converted to a numeric value')
  })

  it('refuse endless digits without converting them', () => {
    expect(() => normaliseNumber('9'.repeat(1_000_000))).toThrow('38 significant digits')
  })
})

describe('text order', () => {
  it('is that of UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (left, right) => {
        expect(Math.sign(compareUtf8(left, right))).toBe(
          Buffer.compare(Buffer.from(left), Buffer.from(right)),
        )
      }),
    )
  })
})

describe('the sorted list', () => {
  it('holds, removes and walks like a sorted array, over many chunks', () => {
    const operations = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 3000 })), {
      minLength: 1500,
      maxLength: 3000,
      size: 'max',
    })
    fc.assert(
      fc.property(operations, fc.integer({ min: -1, max: 3001 }), (steps, pivot) => {
        const list = createSortedList<number>((left, right) => left - right)
        const reference = new Set<number>()
        for (const [removes, value] of steps) {
          if (removes && reference.size % 3 === 0) {
            list.remove(value)
            reference.delete(value)
          } else if (!reference.has(value)) {
            list.insert(value)
            reference.add(value)
          }
        }
        const sorted = [...reference].sort((left, right) => left - right)
        expect(list.length).toBe(sorted.length)
        expect([...list.ascending(value => value < pivot)]).toEqual(sorted.filter(value => value >= pivot))
        expect([...list.descending(value => value > pivot)]).toEqual(
          sorted.filter(value => value <= pivot).reverse(),
        )
      }),
      { numRuns: 30 },
    )
  })
})

describe('partition hashes', () => {
  it('spread over segments', () => {
    const counts = [0, 0, 0, 0]
    for (let at = 0; at < 4000; at++) counts[Math.floor((hash32(`Sdevice-${at}`) * 4) / 2 ** 32)]!++
    expect(Math.min(...counts)).toBeGreaterThan(800)
  })
})
