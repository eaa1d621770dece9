import { href } from '../lib/route.ts'
import { useRoute } from '../ui/app.ts'

/** For pages that are about one model at a time. */
export function ModelPicker({
  models,
  chosen,
}: {
  readonly models: readonly string[]
  readonly chosen: string | undefined
}) {
  const { path } = useRoute()
  if (models.length < 2 && (chosen === undefined || models.includes(chosen)))
    return chosen === undefined ? null : <span class="muted">{chosen}</span>
  return (
    <label class="inline">
      <span>Model</span>
      <select
        value={chosen}
        onChange={event => {
          location.hash = href(path, { model: event.currentTarget.value })
        }}
      >
        {models.map(m => (
          <option key={m}>{m}</option>
        ))}
      </select>
    </label>
  )
}
