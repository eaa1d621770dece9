import { gzipSync } from 'node:zlib'
import { checksum, type Entry, header, member, paxRecord, tar } from './tar.ts'

/** The files of a package or of a job, as an attacker finds them. */
export const GOOD: readonly (Entry & { readonly name: string; readonly content: string })[] = [
  { name: 'contract.json', content: '{"model":"m","version":1,"slot":"s","hardware":"h"}' },
  { name: 'model.wasm', content: 'M'.repeat(1_500) },
  { name: 'xgboost-model.json', content: '{"learner":{}}' },
]
export const NAMES = GOOD.map(file => file.name)
const [first, second, third] = GOOD as readonly [Entry, Entry, Entry]

/** The good files and one more. */
const plus = (extra: Entry): Buffer => tar(...GOOD, { content: 'evil', ...extra })
/** The first file's header changed; its checksum holds. */
const changed = (change: Entry): Buffer => tar({ ...first, ...change }, second, third)

/** Names that some program somewhere takes for another place, another file or no name at all. */
export const EVIL_NAMES: Readonly<Record<string, string | Uint8Array>> = {
  'a step up': '../x',
  'a step up over a signed file': '../contract.json',
  'an absolute name': '/abs',
  'an absolute name of a signed file': '/contract.json',
  'a way out and in': 'a/../../x',
  'a step up at the end': 'a/..',
  'a Windows drive': 'C:\\x',
  'a share': '\\\\host\\share',
  'a backslash as separator': '..\\x',
  'a stream': 'contract.json:evil',
  'a device name of Windows': 'CON',
  'a dot': '.',
  'two dots': '..',
  'no name': '',
  'a leading dot and slash': './contract.json',
  'a doubled slash': 'a//b',
  'a slash at the end': 'contract.json/',
  'a blank at the end': 'contract.json ',
  'a dot at the end': 'contract.json.',
  'a line feed': 'contract.json\n',
  'a NUL and more': 'contract.json\0evil',
  'a NUL first': '\0contract.json',
  'right-to-left override': 'contract\u202enosj.exe',
  'a zero-width space': 'contract\u200b.json',
  'the composed form': 'caf\u00e9',
  'the decomposed form': 'cafe\u0301',
  'a full-width letter': '\uff43ontract.json',
  'other case': 'Contract.json',
  'an overlong UTF-8 slash': Uint8Array.of(0x2e, 0x2e, 0xc0, 0xaf, 0x78),
  'no UTF-8': Uint8Array.of(0xff, 0xfe),
  'Latin-1': Uint8Array.of(0x63, 0x61, 0x66, 0xe9),
  'a name of 100 bytes': 'n'.repeat(100),
}

/** What every reader refuses: those of packages and those of jobs. */
export const BROKEN: Readonly<Record<string, Uint8Array>> = {
  'a character device': plus({ name: 'dev', type: '3' }),
  'a block device': plus({ name: 'dev', type: '4' }),
  'a fifo': plus({ name: 'pipe', type: '6' }),
  'a contiguous file': plus({ name: 'file', type: '7' }),
  'a sparse file of GNU': plus({ name: 'sparse', type: 'S' }),
  'a multi-volume rest': plus({ name: 'rest', type: 'M' }),
  'an unknown type': plus({ name: 'what', type: 'Q' }),
  'a type above ASCII': plus({ name: 'what', edit: block => void block.writeUInt8(0xff, 156) }),
  'a file twice': tar(...GOOD, { ...first, content: 'evil' }),
  'a file twice, the same': tar(first, ...GOOD),
  'a size that is negative': changed({ size: '-0000000063' }),
  'a negative size in base 256': changed({ size: Buffer.alloc(12, 0xff) }),
  'a size in base 256': changed({ size: Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 51) }),
  'a size of twelve digits': changed({ size: '000000000063' }),
  'a size in decimal': changed({ size: '00000000099\0' }),
  'a size in hex': changed({ size: '0x33\0' }),
  'a size with a second number behind': changed({ size: '63\x0077777\0' }),
  'no size': changed({ size: '\0'.repeat(12) }),
  'a size behind the end': changed({ size: '77777777777\0' }),
  'a size one block behind the end': tar({ ...first, size: '00000020000\0' }),
  'a size that swallows the next header': changed({ size: '00000002000\0' }),
  'a wrong checksum': changed({ spoil: block => void block.write('evil', 140, 'latin1') }),
  'no checksum': changed({ spoil: block => void block.fill(0, 148, 156) }),
  'a checksum of signed bytes': tar({ ...first, name: 'é', spoil: signedChecksum }, second, third),
  'a checksum with another behind': changed({ spoil: block => void block.write('7\x007', 152, 'latin1') }),
  'another magic': changed({ edit: block => void block.write('evils', 257, 'latin1') }),
  'the format of 1979': changed({ edit: block => void block.fill(0, 257, 265) }),
  'bytes behind the name': changed({ edit: block => void block.write('evil', 60, 'latin1') }),
  'bytes behind an empty prefix': changed({ edit: block => void block.write('../', 400, 'latin1') }),
  'bytes behind an empty link': changed({ edit: block => void block.write('/etc', 200, 'latin1') }),
  'two archives glued': Buffer.concat([tar(...GOOD), tar(...GOOD)]),
  'another archive behind': Buffer.concat([tar(...GOOD), tar({ name: 'evil' })]),
  'bytes behind the end': Buffer.concat([tar(...GOOD), Buffer.from('evil')]),
  'a cut in a header': tar(...GOOD).subarray(0, 700),
  'a cut in a file': tar(...GOOD).subarray(0, 1_024 + 512 + 600),
  gzip: gzipSync(tar(...GOOD)),
  zip: Buffer.concat([Buffer.from('PK\x03\x04\x14\0\0\0\0\0'), Buffer.alloc(600, 1)]),
  'a pax header with another size': tar({ name: 'pax', type: 'x', content: paxRecord('size', '1') }, ...GOOD),
  'a pax header of a sparse file': tar(
    { name: 'pax', type: 'x', content: paxRecord('GNU.sparse.major', '1') },
    ...GOOD,
  ),
  'a pax header that leads out': tar(
    { name: 'pax', type: 'x', content: paxRecord('path', '../../evil') },
    ...GOOD,
  ),
  'a pax header that doubles a name': tar(
    first,
    { name: 'pax', type: 'x', content: paxRecord('path', NAMES[0]!) },
    second,
  ),
  'a pax record that lies about its length': tar({ name: 'pax', type: 'x', content: '99 path=a\n' }, ...GOOD),
  'a pax record without end': tar({ name: 'pax', type: 'x', content: '9 path=ab' }, ...GOOD),
  'a pax record of no length': tar({ name: 'pax', type: 'x', content: '0 path=a\n' }, ...GOOD),
  'a pax header of 70 KB': tar({ name: 'pax', type: 'x', content: 'x'.repeat(70_000) }, ...GOOD),
  'a long name of GNU that leads out': tar({ name: 'L', type: 'L', content: '/etc/passwd\0' }, ...GOOD),
  'a prefix that leads out': tar(...GOOD, { name: 'x', prefix: '..', content: 'evil' }),
  '100,000 tiny members': many(100_000),
}

/** What a package may not have, although a job's archive may: it is left out there. */
export const UNEXPECTED: Readonly<Record<string, Uint8Array>> = {
  'a symbolic link': plus({ name: 'link', type: '2', link: '/etc/passwd', content: '' }),
  'a hard link': plus({ name: 'link', type: '1', link: 'contract.json', content: '' }),
  'a link in place of a file': tar({ name: 'contract.json', type: '2', link: 'model.wasm' }, second, third),
  'a folder': plus({ name: 'folder/', type: '5', content: '' }),
  'a pax header': tar({ name: 'pax', type: 'x', content: paxRecord('mtime', '1.5') }, ...GOOD),
  'a global pax header': tar({ name: 'pax', type: 'g', content: paxRecord('comment', 'x') }, ...GOOD),
  'a link of a long name': tar({ name: 'L', type: 'K', content: 'x'.repeat(200) }, ...GOOD),
  "GNU's format": changed({ edit: block => void block.write('ustar  \0', 257, 'latin1') }),
  'a prefix': tar(...GOOD, { name: 'x', prefix: 'folder', content: 'evil' }),
  'bytes in the padding': hidden(),
  'a missing file': tar(first, second),
  'no file': tar(),
}

function signedChecksum(block: Buffer): void {
  block.fill(0x20, 148, 156)
  const sum = new Int8Array(block.buffer, block.byteOffset, block.length).reduce(
    (total, byte) => total + byte,
    0,
  )
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
}

function hidden(): Buffer {
  const archive = tar(...GOOD)
  archive.write('evil', 512 + 200, 'latin1')
  return archive
}

function many(count: number): Buffer {
  const one = member({ name: 'm000000', content: '' })
  const archive = Buffer.alloc(count * one.length + 1_024)
  for (let i = 0; i < count; i++) {
    const block = archive.subarray(i * one.length, (i + 1) * one.length)
    one.copy(block)
    block.write(`m${String(i).padStart(6, '0')}`, 0, 'latin1')
    checksum(block)
  }
  return archive
}

/** Claims to hold 8 GiB less one byte and holds nothing. */
export const BOMB = Buffer.concat([header({ ...first, size: '77777777777\0' }), Buffer.alloc(1_024)])
