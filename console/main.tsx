import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { makeClient } from './api/client.ts'
import { makeStore } from './api/store.ts'
import { type Config, makeSession } from './auth/session.ts'
import { SignIn } from './auth/sign-in.tsx'
import { Page } from './pages/index.tsx'
import { type App, AppContext } from './ui/app.ts'
import { restoreTheme } from './ui/theme.tsx'
import './style/index.css'

const announcer = document.getElementById('announcer')
/** The same words twice in a row would not be read twice. */
let said = ''
function announce(text: string): void {
  if (announcer === null) return
  said = said === text ? `${text} ` : text
  announcer.textContent = said
}

const AGAIN_AFTER_MS = [500, 2_000]

/** Without it there is no page, so a hiccup of the network must not be the end. */
async function readConfig(again = AGAIN_AFTER_MS): Promise<Config> {
  const answer = await fetch('config.json', { cache: 'no-store' }).catch(() => undefined)
  if (answer?.ok) return (await answer.json()) as Config
  const [wait, ...rest] = again
  if (wait !== undefined && (answer === undefined || answer.status >= 500)) {
    await new Promise(resolve => setTimeout(resolve, wait))
    return readConfig(rest)
  }
  const what = answer ? `answered ${answer.status}` : 'could not be reached'
  throw new Error(`config.json, which says where the API and its sign-in are, ${what}`)
}

function Root({ app, trouble }: { readonly app: App; readonly trouble: string | undefined }) {
  const [, changed] = useState(0)
  useEffect(() => app.session.onChange(() => changed(n => n + 1)), [])
  return (
    <AppContext.Provider value={app}>
      {app.session.token() === undefined ? <SignIn trouble={trouble} /> : <Page />}
    </AppContext.Provider>
  )
}

const root = document.getElementById('root') as HTMLElement
restoreTheme()
try {
  const config = await readConfig()
  const session = makeSession(config)
  let trouble: string | undefined
  try {
    await session.finish()
  } catch (error) {
    trouble = (error as Error).message
  }
  const client = makeClient(config.apiUrl, {
    token: session.token,
    renew: session.renew,
    end: session.end,
  })
  const store = makeStore(client, {
    hidden: () => document.hidden,
    onVisibility: changed => document.addEventListener('visibilitychange', changed),
  })
  session.onChange(renewed => {
    if (!renewed) store.clear()
  })
  render(<Root app={{ config, session, client, store, announce }} trouble={trouble} />, root)
} catch (error) {
  const text = document.createElement('main')
  text.className = 'sign-in'
  text.append(
    'This page could not start: ',
    (error as Error).message,
    '. Load it again, or tell whoever runs it.',
  )
  root.replaceChildren(text)
}
