/** Starts the API browser on the page; sign-in goes to the identity provider named in the description, by code and PKCE. */
const browser = window.SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#api-docs',
  deepLinking: true,
  validatorUrl: null,
  oauth2RedirectUrl: `${window.location.origin}/assets/oauth2-redirect.html`,
})
browser.initOAuth({ clientId: 'fls-db-web', usePkceWithAuthorizationCodeGrant: true, scopes: 'openid fls-db' })
