import { SingleBar } from 'cli-progress'

/** How far a long command has come: a bar on a terminal, one line every ten seconds elsewhere, nothing beside `--json`. All on stderr. */
export type Progress = {
  readonly show: (what: string, done: number, total: number) => void
  readonly end: () => void
}

const lineMs = 10_000

export function progressOf(command: string, isSilent: boolean): Progress {
  if (isSilent) return { show: () => undefined, end: () => undefined }
  return process.stderr.isTTY ? barOf(command) : linesOf(command)
}

function barOf(command: string): Progress {
  let bar: SingleBar | undefined
  let current = ''
  const end = () => {
    bar?.stop()
    bar = undefined
  }
  return {
    show: (what, done, total) => {
      if (what !== current) end()
      current = what
      if (bar) bar.update(done)
      else {
        bar = new SingleBar({ format: `${command} ${what} {bar} {value}/{total}, {eta_formatted} left` })
        bar.start(total, done)
      }
      bar.setTotal(Math.max(done, total))
    },
    end,
  }
}

function linesOf(command: string): Progress {
  let toldAt = performance.now()
  return {
    show: (what, done, total) => {
      if (performance.now() - toldAt < lineMs) return
      toldAt = performance.now()
      process.stderr.write(`${command} ${what}: ${done} of ${Math.max(done, total)}\n`)
    },
    end: () => undefined,
  }
}
