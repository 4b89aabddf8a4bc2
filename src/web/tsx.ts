import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'

let isRegistered = false

/** Teaches this process to import `.tsx` (Node strips types itself, but knows no JSX). Call once, before importing a page. */
export function registerTsx(): void {
  if (isRegistered) return
  isRegistered = true
  registerHooks({
    load: (url, context, next) => {
      if (!url.endsWith('.tsx')) return next(url, context)
      const { code } = transformSync(readFileSync(fileURLToPath(url), 'utf8'), {
        loader: 'tsx',
        jsx: 'automatic',
        format: 'esm',
        target: 'node24',
        sourcefile: fileURLToPath(url),
      })
      return { format: 'module', source: code, shortCircuit: true }
    },
  })
}
