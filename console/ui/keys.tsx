/** Shortcuts of the whole page, and the dialog that lists them. */
import { useEffect, useState } from 'preact/hooks'
import { href } from '../lib/route.ts'
import { Dialog } from './dialog.tsx'
import { remember, remembered } from './theme.tsx'

export const places: readonly (readonly [key: string, page: string, name: string])[] = [
  ['o', 'overview', 'Overview'],
  ['f', 'fleets', 'Fleets'],
  ['r', 'rollouts', 'Rollouts'],
  ['m', 'models', 'Models'],
  ['p', 'pipeline', 'Pipeline'],
  ['l', 'lineage', 'Lineage'],
  ['v', 'reviews', 'Reviews'],
  ['i', 'inputs', 'Rejected inputs'],
  ['d', 'dead-letters', 'Dead letters'],
  ['a', 'audit', 'Audit'],
]
const KEPT = 'edgeloop.keys'
const LEAD_MS = 1_500

/** Whether single keys mean something: not while text is typed, not in dialogs, and not for whoever switched them off. */
export function keysWork(event: KeyboardEvent): boolean {
  const target = event.target
  const typing = target instanceof Element && target.closest('input, select, textarea, dialog') !== null
  return !typing && !event.ctrlKey && !event.metaKey && !event.altKey && remembered(KEPT) !== 'off'
}

export function Keys() {
  const [help, setHelp] = useState(false)
  useEffect(() => {
    let led = 0
    const pressed = (event: KeyboardEvent): void => {
      if (!keysWork(event)) return
      const place = event.timeStamp - led < LEAD_MS ? places.find(([key]) => key === event.key) : undefined
      led = event.key === 'g' ? event.timeStamp : Number.NEGATIVE_INFINITY
      if (place !== undefined) location.hash = href([place[1]])
      else if (event.key === '?') setHelp(true)
      else if (event.key === '/') {
        const field = document.querySelector<HTMLElement>('main :is(.filters, .lookup) :is(input, select)')
        if (field === null) return
        event.preventDefault()
        field.focus()
      }
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  }, [])
  return (
    <>
      <button type="button" class="quiet" onClick={() => setHelp(true)}>
        Keyboard{' '}
        <span class="key" aria-hidden="true">
          ?
        </span>
      </button>
      {help && <Help close={() => setHelp(false)} />}
    </>
  )
}

function Help({ close }: { readonly close: () => void }) {
  const [on, setOn] = useState(remembered(KEPT) !== 'off')
  const rows: readonly (readonly [string, string])[] = [
    ...places.map(([key, , name]) => [`g ${key}`, name] as const),
    ['/', 'to the filters of a page'],
    ['← ↑ → ↓', 'among the cells of a heat map'],
    ['1 … 9', 'reviews: label with that class'],
    ['c, s, j, k', 'reviews: claim, skip, next, previous'],
    ['?', 'this list'],
    ['Esc', 'close a dialog'],
  ]
  return (
    <Dialog title="Keyboard" close={close}>
      <dl class="keys">
        {rows.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label class="field check">
        <span>Single keys are on</span>
        <input
          type="checkbox"
          checked={on}
          onChange={event => {
            setOn(event.currentTarget.checked)
            remember(KEPT, event.currentTarget.checked ? 'on' : 'off')
          }}
        />
      </label>
      <div class="buttons">
        <button type="button" class="primary" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  )
}
