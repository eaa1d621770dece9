import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { untar } from '../../verifier/archive.ts'
import { archiveOf } from '../device/helpers.ts'

const files = [
  { name: 'a.json', bytes: Buffer.from('hello') },
  { name: 'b.bin', bytes: Buffer.alloc(1_000, 7) },
]
const names = files.map(file => file.name)
const good = archiveOf(files)

/** Changes one member's header and makes its checksum right again. */
function patched(at: number, edit: (header: Buffer) => void): Uint8Array {
  const archive = Buffer.from(good)
  const header = archive.subarray(at, at + 512)
  edit(header)
  header.fill(0x20, 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return archive
}

describe('untar', () => {
  it('reads the expected files', () => {
    const found = untar(good, names)
    expect([...found.keys()]).toEqual(names)
    expect(Buffer.from(found.get('a.json')!).toString()).toBe('hello')
    expect(found.get('b.bin')).toHaveLength(1_000)
  })

  it('reads an archive that is full to its last block, without blocks of zeros behind', () => {
    const full = archiveOf([{ name: 'a.json', bytes: Buffer.alloc(10_240 - 512, 1) }])
    expect(full).toHaveLength(10_240)
    expect(untar(full, ['a.json']).get('a.json')).toHaveLength(9_728)
  })

  it.each<[string, Uint8Array]>([
    ['a symlink', patched(0, h => void h.write('2', 156))],
    ['a hard link', patched(0, h => void h.write('1', 156))],
    ['a folder', patched(0, h => void h.write('5', 156))],
    ['a device', patched(0, h => void h.write('3', 156))],
    ['an extended header', patched(0, h => void h.write('x', 156))],
    ['a long-name header', patched(0, h => void h.write('L', 156))],
    ['a link target', patched(0, h => void h.write('/etc/passwd', 157))],
    ['a name that climbs out', patched(0, h => void h.write('../a.json\0', 0))],
    ['an absolute name', patched(0, h => void h.write('/a.json\0', 0))],
    ['a name prefix', patched(0, h => void h.write('..', 345))],
    ['another magic', patched(0, h => void h.write('star ', 257))],
    ['a size that is not octal', patched(0, h => void h.write('99999999999', 124))],
    ['a size in base 256', patched(0, h => void h.set([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5], 124))],
    ['a size behind the end', patched(0, h => void h.write('77777777777', 124))],
    ['a doubled file', archiveOf([files[0]!, ...files])],
    ['an extra file', archiveOf([...files, { name: 'c', bytes: Buffer.from('x') }])],
    ['a missing file', archiveOf([files[0]!])],
    ['nothing', new Uint8Array(0)],
    ['a cut in a header', good.subarray(0, 1_200)],
    ['a cut in a file', good.subarray(0, 512 * 4)],
    ['a cut between files', good.subarray(0, 1_024)],
    ['a second archive behind the end', Buffer.concat([good, good])],
    [
      'bytes hidden in the padding',
      Buffer.concat([good.subarray(0, 520), Buffer.from('!'), good.subarray(521)]),
    ],
  ])('refuses %s', (_, archive) => {
    expect(() => untar(archive, names)).toThrow(/^package: the archive/)
  })

  it('refuses a header whose checksum is wrong', () => {
    const archive = Buffer.from(good)
    archive[0]! ^= 1
    expect(() => untar(archive, names)).toThrow('wrong checksum')
  })

  it('never throws anything but a refusal', () => {
    void fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, end) => {
        const archive = Buffer.from(good)
        archive[at] = byte
        try {
          const found = untar(archive.subarray(0, end), names)
          expect([...found.keys()]).toEqual(names)
        } catch (error) {
          expect(error).toMatchObject({ name: 'Refusal', code: 'PACKAGE_ARCHIVE' })
        }
      }),
      { numRuns: 500 },
    )
  })
})
