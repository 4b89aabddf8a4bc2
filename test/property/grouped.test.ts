import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { grouped } from '../../src/store/grouped.ts'

/** Whoever asks gets the outcome of its own item, whatever else is asked at the same time. */
test('every item has its own outcome; groups keep the order and the limit; nothing is carried out twice', async () => {
  const waves = fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 12 }), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(waves, fc.integer({ min: 1, max: 5 }), async (all, most) => {
      const groups: number[][] = []
      const ask = grouped(most, async (items: readonly number[]) => {
        groups.push([...items])
        await new Promise(resolve => setImmediate(resolve))
        if (items.includes(9)) throw new Error('group')
        return items.map(item => (item === 8 ? new Error('item') : item * 2))
      })
      const asked: Promise<unknown>[] = []
      for (const wave of all) {
        asked.push(...wave.map(item => ask(item).catch((cause: Error) => cause.message)))
        await new Promise(resolve => setImmediate(resolve))
      }
      const outcomes = await Promise.all(asked)
      expect(groups.flat()).toEqual(all.flat())
      expect(groups.every(group => group.length > 0 && group.length <= most)).toBe(true)
      const expected = groups.flatMap(group =>
        group.map(item => (group.includes(9) ? 'group' : item === 8 ? 'item' : item * 2)),
      )
      expect(outcomes).toEqual(expected)
    }),
    { numRuns: 60 },
  )
})
