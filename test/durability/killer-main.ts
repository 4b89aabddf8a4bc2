/** The killer's own process: its timer does not wait for the senders' work, so the signal lands in the middle of it. */
export type Order = { readonly pid: number; readonly signal: NodeJS.Signals; readonly afterMs: number }

process.on('message', ({ pid, signal, afterMs }: Order) => {
  setTimeout(() => {
    const at = Date.now()
    try {
      process.kill(pid, signal)
      process.send?.({ at })
    } catch {
      // Nobody there any more: the strike has no moment.
      process.send?.({})
    }
  }, afterMs)
})
process.on('disconnect', () => process.exit(0))
