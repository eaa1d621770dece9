import { existsSync, readFileSync } from 'node:fs'

const STATUS = '/proc/self/status'

/**
 * Highest resident memory of this process, MB. On Linux `maxRSS` starts with what the parent had when it made this
 * process, so the kernel's own mark is read, which starts anew with each program.
 */
export function peakMegabytes(): number {
  const mark = existsSync(STATUS) ? /VmHWM:\s+(\d+) kB/.exec(readFileSync(STATUS, 'utf8'))?.[1] : undefined
  return (mark === undefined ? process.resourceUsage().maxRSS : Number(mark)) / 1024
}
