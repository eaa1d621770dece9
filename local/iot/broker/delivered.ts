/** Which messages a connection got already, so that overlapping subscriptions deliver a message once. */
export interface Delivered {
  /** False the second time it sees a message. */
  isNew(packet: { readonly brokerId?: string | null; readonly brokerCounter?: number }): boolean
}

// Copies of a message come one right after the other; this is far more than are ever on the way at once.
const REMEMBERED = 1024

export const createDelivered = (): Delivered => {
  let recent = new Set<number>()
  let older = new Set<number>()
  return {
    isNew: ({ brokerId, brokerCounter }) => {
      // Retained messages carry no broker: a repeated subscription gets them again.
      if (!brokerId || brokerCounter === undefined) return true
      if (recent.has(brokerCounter) || older.has(brokerCounter)) return false
      if (recent.size >= REMEMBERED) {
        older = recent
        recent = new Set()
      }
      recent.add(brokerCounter)
      return true
    },
  }
}
