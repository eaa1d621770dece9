import { useState } from 'preact/hooks'
import { useApp } from '../ui/app.ts'
import { Mark } from '../ui/bits.tsx'
import { claimsOf } from './token.ts'

/** Before anything else: a sign-in page of the issuer, or a token of any issuer that the API trusts. */
export function SignIn({ trouble }: { readonly trouble: string | undefined }) {
  const { config, session } = useApp()
  const [wrong, setWrong] = useState(trouble)
  const paste = (form: HTMLFormElement): void => {
    const token = String(new FormData(form).get('token') ?? '').trim()
    const { expires } = claimsOf(token)
    if (token === '') setWrong('Paste a token first.')
    else if (expires !== undefined && expires < Date.now()) setWrong('This token has expired.')
    else session.paste(token)
  }
  return (
    <main class="sign-in">
      <h1 tabIndex={-1}>Edgeloop</h1>
      <p>
        Models on a fleet of devices: what runs where, whether it is right, and what is being done about it.
        Stage <b>{config.stage}</b>.
      </p>
      {wrong && (
        <div class="notice bad" role="alert">
          <Mark tone="bad" />
          <div>{wrong}</div>
        </div>
      )}
      {config.authorizeUrl !== '' && (
        <button type="button" class="primary" onClick={() => void session.signIn()}>
          Sign in
        </button>
      )}
      <details open={config.authorizeUrl === ''}>
        <summary>Paste a token</summary>
        <form
          onSubmit={event => {
            event.preventDefault()
            paste(event.currentTarget)
          }}
        >
          <label class="field">
            <span>Access token</span>
            <textarea name="token" rows={4} spellcheck={false} autocomplete="off" />
            <small>
              Of {config.issuer === '' ? 'an issuer that the API trusts' : config.issuer}. It stays in this
              tab. The local cloud prints one when it starts.
            </small>
          </label>
          <button type="submit" class={config.authorizeUrl === '' ? 'primary' : ''}>
            Use this token
          </button>
        </form>
      </details>
    </main>
  )
}
