import { readdirSync, readFileSync } from 'node:fs'

const PAGE = 4096
const EVERY_MS = 500

/** Peak resident memory of this process and all its descendants, in MB. Without /proc, of this process only. */
export function watchMemory(): { readonly nowMb: () => number; readonly peakMb: () => number; stop(): void } {
  let peak = 0
  const look = (): void => {
    peak = Math.max(peak, treeBytes())
  }
  look()
  const timer = setInterval(look, EVERY_MS)
  timer.unref()
  return {
    nowMb: () => Math.round(treeBytes() / 1e6),
    peakMb: () => {
      look()
      return Math.round(peak / 1e6)
    },
    stop: () => clearInterval(timer),
  }
}

function treeBytes(): number {
  const processes = new Map<number, { parent: number; bytes: number }>()
  try {
    for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
      try {
        // Fields after the command, which may hold blanks: state, ppid, …; rss is the 24th field of all.
        const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ')
        processes.set(Number(pid), { parent: Number(fields[1]), bytes: Number(fields[21]) * PAGE })
      } catch {
        // The process has ended meanwhile.
      }
    }
  } catch {
    return process.memoryUsage.rss()
  }
  let bytes = 0
  for (const [pid, { bytes: own }] of processes) if (isOurs(pid, processes)) bytes += own
  return bytes
}

function isOurs(pid: number, processes: ReadonlyMap<number, { parent: number }>): boolean {
  for (let at = pid; at > 1; at = processes.get(at)?.parent ?? 0) if (at === process.pid) return true
  return false
}
