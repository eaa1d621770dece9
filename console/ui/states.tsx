/** What is shown when there is nothing, not yet, not all, or not any more. */
import type { ComponentChildren } from 'preact'
import type { Fault } from '../api/fault.ts'
import type { Asked } from './app.ts'
import { Mark, Scroll } from './bits.tsx'

export const FaultBox = ({
  fault,
  retry,
}: {
  readonly fault: Fault
  readonly retry?: (() => void) | undefined
}) => (
  <div
    class={`notice ${fault.kind === 'forbidden' || fault.kind === 'missing' ? 'warn' : 'bad'}`}
    role="alert"
  >
    <Mark tone={fault.kind === 'forbidden' || fault.kind === 'missing' ? 'warn' : 'bad'} />
    <div>
      <strong>{fault.title}</strong>
      <p>{fault.message}</p>
      {fault.field && (
        <p>
          Field: <code>{fault.field}</code>
        </p>
      )}
      {fault.request && (
        <p class="muted">
          Request <code>{fault.request}</code>: logs have it under this id.
        </p>
      )}
    </div>
    {retry && fault.kind !== 'forbidden' && (
      <button type="button" onClick={retry}>
        Try again
      </button>
    )}
  </div>
)

/** Nothing there: what would be here, and how the first one comes about. */
export const Empty = ({
  what,
  how,
  command,
}: {
  readonly what: string
  readonly how?: string
  readonly command?: string
}) => (
  <div class="empty">
    <p>
      <strong>{what}</strong>
    </p>
    {how && <p>{how}</p>}
    {command && (
      <Scroll label="Command">
        <pre>{command}</pre>
      </Scroll>
    )}
  </div>
)

export const Partial = ({ children }: { readonly children: ComponentChildren }) => (
  <div class="notice info">
    <Mark tone="info" />
    <div>{children}</div>
  </div>
)

/** Shows an answer as soon as there is one; a fault beside what was known before. */
export function Show<T>({
  of,
  lines = 4,
  children,
}: {
  readonly of: Asked<T>
  /** Room that is kept while it loads. */
  readonly lines?: number
  readonly children: (data: T) => ComponentChildren
}) {
  const { data, fault } = of
  return (
    <>
      {fault && <FaultBox fault={fault} retry={of.reload} />}
      {fault && data !== undefined && <p class="muted">Below is what was known before.</p>}
      {data !== undefined ? children(data) : !fault && <Skeleton lines={lines} />}
    </>
  )
}

const Skeleton = ({ lines }: { readonly lines: number }) => (
  <div class="skeleton" role="status">
    <span class="hidden">Loading</span>
    {Array.from({ length: lines }, (_, i) => (
      <i key={i} />
    ))}
  </div>
)
