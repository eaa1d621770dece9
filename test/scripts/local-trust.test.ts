/** The trust root that `npm run cloud` makes, in a cloud with the packaged template. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Cloud } from '../../local/cloud.ts'
import { directions, startEdgeloop } from '../../scripts/lib/local-cloud.ts'
import { localTrust } from '../../scripts/lib/local-trust.ts'
import { initialState, openChain, readRoot, walkChain } from '../../verifier/index.ts'

const root = mkdtempSync(join(tmpdir(), 'edgeloop-trust-'))
const dir = join(root, 'state')
let cloud: Cloud

const start = () => startEdgeloop({ dir, port: 0, mqttPort: 0 })
beforeAll(async () => {
  cloud = await start()
})
afterAll(async () => {
  await cloud.close()
  rmSync(root, { recursive: true, force: true })
})

describe('the trust root of a local cloud', () => {
  it('is there for a device to start from, with its chain and its keys in the folder', async () => {
    const trust = await localTrust(cloud)
    const [linkFile, chainFile] = [join(dir, 'trust-root.json'), join(dir, 'root-keys', 'chain.json')]
    expect(trust).toEqual({ linkFile, chainFile })
    const link = readFileSync(linkFile)
    const state = walkChain(initialState(readRoot(link)), openChain(readFileSync(chainFile)))
    expect(Buffer.from(state.root, 'base64')).toEqual(link)
    const said = await directions(cloud, trust)
    expect(said).toContain(`npx edgeloop keys status --chain ${chainFile}`)
    expect(said).toContain(`Trust root that devices start from: ${linkFile}`)
  })

  it('stays the same when the cloud goes on with its folder', async () => {
    const link = readFileSync((await localTrust(cloud)).linkFile)
    await cloud.close()
    cloud = await start()
    expect(readFileSync((await localTrust(cloud)).linkFile)).toEqual(link)
  })

  it('is read back when its keys are kept elsewhere', async () => {
    const { linkFile } = await localTrust(cloud)
    const link = readFileSync(linkFile)
    for (const gone of [linkFile, join(dir, 'root-keys')]) rmSync(gone, { recursive: true })
    const trust = await localTrust(cloud)
    expect(trust).toEqual({ linkFile, chainFile: undefined })
    expect(readFileSync(linkFile)).toEqual(link)
    expect(await directions(cloud, trust)).toMatch(/npx edgeloop keys status$/m)
    expect(await directions(cloud, undefined)).not.toContain('Trust root')
  })
})
