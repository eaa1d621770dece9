import { it } from 'vitest'
import { allowEverything, collect, openLab } from './support.ts'

it('x', async () => {
  const lab = await openLab()
  allowEverything(lab.iot)
  const w = await lab.connect(await lab.provision('w'))
  const seen = collect(w)
  await w.subscribeAsync(['$aws/events/presence/#', 'edge/#'], { qos: 1 })
  const d = await lab.provision('d')
  const c = await lab.connect(d, {
    will: { topic: 'edge/will', payload: Buffer.from('lost'), qos: 1, retain: false },
  })
  c.on('close', () => console.log('client close'))
  c.stream.destroy()
  await new Promise(r => setTimeout(r, 1500))
  console.log(
    seen.map(s => s.topic + ' ' + s.payload),
    lab.logs,
  )
  await lab.close()
})
