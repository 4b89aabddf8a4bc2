import { timingSafeEqual } from 'node:crypto'
import { type RequestHandler, Router, urlencoded } from 'express'
import type { Provider } from 'oidc-provider'
import { createElement as h, type ReactNode } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import type { DemoUser } from './demo-identities.ts'

/** The demo's sign-in page: one button per user, or name and password. Runs in the identity provider's process only. */
export function interactionRoutes(provider: Provider, users: readonly DemoUser[]): Router {
  const router = Router()
  const page: RequestHandler = async (request, response) => {
    await provider.interactionDetails(request, response)
    response.set({ 'Cache-Control': 'no-store', 'Content-Security-Policy': contentPolicy }).type('html')
    response.send(`<!doctype html>${renderToStaticMarkup(signInPage(String(request.params['uid']), users))}`)
  }
  const signIn: RequestHandler = async (request, response) => {
    const details = await provider.interactionDetails(request, response)
    const user = chosenUser(request.body, users)
    if (!user || details.prompt.name !== 'login') {
      response.status(403).type('text/plain').send('Unknown user or password.')
      return
    }
    await provider.interactionFinished(
      request,
      response,
      { login: { accountId: user.username } },
      { mergeWithLastSubmission: false },
    )
  }
  router.get('/interaction/:uid', page)
  router.post('/interaction/:uid', urlencoded({ extended: false, limit: '4kb' }), signIn)
  return router
}

/** `form-action` must allow the client's own address: the browser applies it to the redirect after the form as well. */
const contentPolicy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"

function signInPage(uid: string, users: readonly DemoUser[]): ReactNode {
  const oneClick = users.map(user =>
    h(
      'li',
      { key: user.username },
      h(
        'form',
        { method: 'post', action: `/idp/interaction/${uid}` },
        h(
          'button',
          { type: 'submit', name: 'oneClick', value: user.username },
          `${user.username} (${[user.role, ...user.organisations].join(', ')})`,
        ),
      ),
    ),
  )
  const withPassword = h(
    'form',
    { method: 'post', action: `/idp/interaction/${uid}` },
    h(
      'p',
      null,
      h('label', { htmlFor: 'username' }, 'User '),
      h('input', { id: 'username', name: 'username', autoComplete: 'username' }),
    ),
    h(
      'p',
      null,
      h('label', { htmlFor: 'password' }, 'Password '),
      h('input', { id: 'password', name: 'password', type: 'password', autoComplete: 'current-password' }),
    ),
    h('button', { type: 'submit' }, 'Sign in'),
  )
  return h(
    'html',
    { lang: 'en-GB' },
    h('head', null, h('meta', { charSet: 'utf-8' }), h('title', null, 'Sign in to the FLS-DB demo')),
    h(
      'body',
      null,
      h(
        'main',
        null,
        h('h1', null, 'Sign in to the FLS-DB demo'),
        h('p', null, 'Synthetic data only. Choose who you want to be.'),
        h('ul', null, oneClick),
        h('h2', null, 'Or with a password'),
        withPassword,
      ),
    ),
  )
}

function chosenUser(body: unknown, users: readonly DemoUser[]): DemoUser | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const fields = new Map<string, unknown>(Object.entries(body))
  const oneClick = fields.get('oneClick')
  if (typeof oneClick === 'string') return users.find(user => user.username === oneClick)
  const password = fields.get('password')
  const user = users.find(one => one.username === fields.get('username'))
  return user && typeof password === 'string' && isSame(password, user.password) ? user : undefined
}

function isSame(given: string, expected: string): boolean {
  const a = Buffer.from(given)
  const b = Buffer.from(expected)
  return a.length === b.length && timingSafeEqual(a, b)
}
