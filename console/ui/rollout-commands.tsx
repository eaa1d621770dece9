/** What a person can do to a rollout, beside the ladder that tells whether to. */
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import type { RolloutCommand } from '../api/types.ts'
import { words } from '../lib/format.ts'
import { useApp, useOverview } from './app.ts'
import { CommandButton, type Field } from './command.tsx'

interface Props {
  readonly rollout: string
  readonly status: string
  readonly allowed: readonly RolloutCommand[]
  readonly createdBy: string
  readonly done: () => void
}
type Order = Exclude<RolloutCommand, 'approve'>

const WHAT: Readonly<Record<Order, string>> = {
  start: 'The first phase begins.',
  pause: 'Devices that have the candidate keep it, no phase is passed, and the stop tests go on.',
  resume: 'The phase goes on. Harm is judged on what comes from now on.',
  promote: 'The present phase is passed without proof. The record says so.',
  abort: 'The rollout ends.',
  'roll-back': 'Every device goes back to what it ran before.',
}
const DEVICES: Field = {
  name: 'devices',
  label: 'Devices that have the candidate',
  options: [
    ['revert', 'go back to what they ran before'],
    ['keep', 'keep it'],
  ],
}

export function RolloutCommands(props: Props) {
  const { rollout, status, allowed, createdBy, done } = props
  const sub = useApp().session.claims()?.sub
  const asker = useOverview()?.people[createdBy] ?? createdBy
  const first = (['start', 'resume'] as const).find(order => allowed.includes(order)) ?? 'pause'
  const main: readonly Order[] = [first, 'abort']
  const over = !allowed.some(command => command !== 'roll-back' && command !== 'approve')
  const button = (command: Order) => (
    <CommandButton
      key={command}
      name="commandRollout"
      params={{ rollout }}
      label={LABELS[command]}
      what={`${WHAT[command]} (${rollout})`}
      danger={command === 'abort' || command === 'roll-back'}
      {...(command === 'abort' ? { fields: [DEVICES] } : {})}
      body={({ reason = '', devices }) => ({
        command,
        reason,
        ...(command === 'abort' ? { devices: devices === 'keep' ? 'keep' : 'revert' } : {}),
      })}
      unless={allowed.includes(command) ? undefined : `Does not fit a rollout that is ${words(status)}.`}
      done={done}
    />
  )
  return (
    <div class="commands">
      {allowed.includes('approve') && (
        <CommandButton
          name="approveRollout"
          params={{ rollout }}
          label="Approve"
          what={`${rollout}, asked for by ${asker}, may go on.`}
          body={({ reason = '' }) => ({ reason })}
          unless={
            sub === createdBy ? 'You asked for this rollout: another person has to approve it.' : undefined
          }
          done={done}
        />
      )}
      {!over && main.map(button)}
      {over ? (
        allowed.includes('roll-back') && button('roll-back')
      ) : (
        <Rest>{(['promote', 'roll-back'] as const).map(button)}</Rest>
      )}
    </div>
  )
}
const LABELS: Readonly<Record<Order, string>> = {
  start: 'Start',
  pause: 'Pause',
  resume: 'Resume',
  promote: 'Promote without proof',
  abort: 'Abort',
  'roll-back': 'Roll back',
}

/** Commands that are needed more rarely, folded away. */
function Rest({ children }: { readonly children: ComponentChildren }) {
  const [open, setOpen] = useState(false)
  const id = useId()
  const root = useRef<HTMLDivElement>(null)
  const opener = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (!open) return
    const outside = (event: Event): void => {
      if (!root.current?.contains(event.target as Node)) setOpen(false)
    }
    addEventListener('pointerdown', outside)
    return () => removeEventListener('pointerdown', outside)
  }, [open])
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape, for what is inside
    <div
      class="rest"
      ref={root}
      onKeyDown={event => {
        if (event.key !== 'Escape' || !open || root.current?.querySelector('dialog')) return
        setOpen(false)
        opener.current?.focus()
      }}
    >
      <button
        type="button"
        ref={opener}
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        More commands
      </button>
      <div id={id} hidden={!open}>
        {children}
      </div>
    </div>
  )
}
