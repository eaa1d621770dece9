/** The operators' page: whether it was put where it is served from. */
import { HeadObjectCommand } from '@aws-sdk/client-s3'
import { s3Client } from '../../lib/stack.ts'
import { type Check, ifThere, type Look, ok, warn } from './check.ts'

const FILES = ['index.html', 'config.json'] as const

async function page({ config, names, stage }: Look) {
  const s3 = s3Client(config)
  try {
    const found = await Promise.all(
      FILES.map(Key => ifThere(() => s3.send(new HeadObjectCommand({ Bucket: names.consoleBucket, Key })))),
    )
    const missing = FILES.filter((_, i) => found[i] === undefined)
    return missing.length === 0
      ? ok(`the page is in ${names.consoleBucket}`)
      : warn(
          `the operators' page is not there: ${names.consoleBucket} lacks ${missing.join(' and ')}`,
          `node scripts/deploy-console.ts --stage ${stage}`,
        )
  } finally {
    s3.destroy()
  }
}

export const consoleChecks: readonly Check[] = [{ id: 'console', needs: ['drop bucket'], run: page }]
