/** The pages of managed login, as plain as they can be. */
import type { RestResponse } from '../core/types.ts'

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  // No form-action: browsers would hold the redirect after the form against it.
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const

export const escaped = (text: string): string => text.replace(/[&<>"']/g, char => `&#${char.charCodeAt(0)};`)

const page = (status: number, title: string, body: string): RestResponse => ({
  status,
  headers: HEADERS,
  body: `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:22rem;margin:4rem auto;padding:0 1rem}
label,input,button{display:block;width:100%;box-sizing:border-box;font:inherit}input,button{margin:.2rem 0 1rem;padding:.5rem}
[role=alert]{border-left:4px solid #b00020;padding-left:.7rem}</style><h1>${title}</h1>${body}</html>`,
})

/** `action` has the parameters of the request that asked for the sign-in. */
export const signInPage = (action: string, pool: string, fault?: string, username = ''): RestResponse =>
  page(
    fault === undefined ? 200 : 401,
    'Sign in',
    `<p>${escaped(pool)}, on this machine</p>${fault === undefined ? '' : `<p role="alert">${escaped(fault)}</p>`}
<form method="post" action="${escaped(action)}"><label for="u">Username</label>
<input id="u" name="username" autocomplete="username" required autofocus value="${escaped(username)}">
<label for="p">Password</label><input id="p" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button></form>`,
  )

export const errorPage = (message: string): RestResponse =>
  page(400, 'An error was encountered', `<p role="alert">${escaped(message)}</p>`)
