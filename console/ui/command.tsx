/** Commands of the API: a button, the dialog that asks for a reason, and what came of it. */
import type { ComponentChildren } from 'preact'
import { useId, useRef, useState } from 'preact/hooks'
import { Fault } from '../api/fault.ts'
import { type Command, type PathParams, routes } from '../api/routes.ts'
import type { Answer, Body } from '../api/types.ts'
import { useApp, useLack } from './app.ts'
import { Dialog } from './dialog.tsx'
import { FaultBox } from './states.tsx'

export interface Field {
  readonly name: string
  readonly label: string
  readonly hint?: string
  readonly kind?: 'number' | 'check'
  readonly options?: readonly (readonly [string, string])[]
  readonly initial?: string
  readonly optional?: boolean
}
export type Values = Readonly<Record<string, string>>

/** Sends a command with one Idempotency-Key until it is accepted, or says something else. */
export function useSend<N extends Command>(name: N, params: PathParams<N>) {
  const { client } = useApp()
  const sent = useRef({ text: '', key: '' })
  return async (body: Body<N>): Promise<Answer<N>> => {
    const text = JSON.stringify([name, params, body])
    if (sent.current.text !== text) sent.current = { text, key: crypto.randomUUID() }
    const answer = await client.command(name, params, body, sent.current.key)
    // The same words later are another command, such as claiming again what has run out.
    sent.current = { text: '', key: '' }
    return answer
  }
}

export interface CommandProps<N extends Command> {
  readonly name: N
  readonly params: PathParams<N>
  readonly label: string
  /** What it does, in a sentence or two. */
  readonly what: ComponentChildren
  readonly fields?: readonly Field[]
  /** Commands without `reason` say so. */
  readonly noReason?: boolean
  /** Several are sent one after the other. */
  readonly body: (values: Values) => Body<N> | readonly Body<N>[]
  /** Why it is not to be had now. */
  readonly unless?: string | undefined
  readonly danger?: boolean
  readonly done: (values: Values) => void
}

export function CommandButton<N extends Command>(props: CommandProps<N>) {
  const { label, danger, unless } = props
  const [open, setOpen] = useState(false)
  const lack = useLack()(routes[props.name][2])
  const why = lack ?? unless
  const id = useId()
  return (
    <span class="command">
      <button
        type="button"
        class={danger ? 'danger' : ''}
        aria-disabled={why !== undefined}
        {...(why === undefined ? {} : { title: why, 'aria-describedby': id })}
        onClick={() => why === undefined && setOpen(true)}
      >
        {label}
      </button>
      {why !== undefined && (
        <span id={id} class="hidden">
          {why}
        </span>
      )}
      {open && <CommandDialog {...props} close={() => setOpen(false)} />}
    </span>
  )
}

function CommandDialog<N extends Command>(props: CommandProps<N> & { readonly close: () => void }) {
  const { name, params, label, what, fields = [], noReason, body, danger, done, close } = props
  const { announce } = useApp()
  const send = useSend(name, params)
  const [fault, setFault] = useState<Fault>()
  const [busy, setBusy] = useState(false)
  /** What was accepted of several, should one of them be refused and tried again. */
  const accepted = useRef(new Set<string>())
  const all: readonly Field[] = noReason ? fields : [...fields, { name: 'reason', label: 'Reason' }]
  const submit = async (form: HTMLFormElement): Promise<void> => {
    const values = Object.fromEntries(
      [...new FormData(form)].map(([key, value]) => [key, String(value).trim()]),
    )
    setBusy(true)
    setFault(undefined)
    try {
      for (const part of [body(values)].flat() as Body<N>[]) {
        const text = JSON.stringify(part)
        if (accepted.current.has(text)) continue
        await send(part)
        accepted.current.add(text)
      }
      announce(`${label}: accepted.`)
      close()
      done(values)
    } catch (error) {
      setFault(error instanceof Fault ? error : new Fault('failed', 'Something went wrong', String(error)))
      setBusy(false)
    }
  }
  return (
    <Dialog title={label} close={close}>
      <form
        method="dialog"
        onSubmit={event => {
          event.preventDefault()
          void submit(event.currentTarget)
        }}
      >
        <div class="what">{what}</div>
        {all.map(field => (
          <Input key={field.name} field={field} wrong={fault?.field === field.name} />
        ))}
        {fault && <FaultBox fault={fault} />}
        <div class="buttons">
          <button type="submit" class={danger ? 'danger primary' : 'primary'} disabled={busy}>
            {busy ? 'Sending …' : fault ? 'Try again' : label}
          </button>
          <button type="button" onClick={close}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  )
}

function Input({ field, wrong }: { readonly field: Field; readonly wrong: boolean }) {
  const { name, label, hint, kind, options, initial = '', optional } = field
  const common = { name, required: !optional, 'aria-invalid': wrong }
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: one of those below is its control
    <label class={kind === 'check' ? 'field check' : 'field'}>
      <span>{label}</span>
      {options ? (
        <select {...common} defaultValue={initial}>
          {options.map(([value, shown]) => (
            <option key={value} value={value}>
              {shown}
            </option>
          ))}
        </select>
      ) : kind === 'check' ? (
        <input type="checkbox" name={name} value="true" />
      ) : name === 'reason' ? (
        <textarea {...common} maxLength={500} rows={2} />
      ) : (
        <input
          {...common}
          type="text"
          {...(kind === 'number' ? { inputMode: 'numeric', pattern: '[0-9]+' } : {})}
          defaultValue={initial}
        />
      )}
      {hint && <small>{hint}</small>}
    </label>
  )
}
