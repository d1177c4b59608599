import { expect, it } from 'vitest'
import { makeNews } from '../../lib/observe/news.ts'

const make = (namesMax: number) => {
  const clock = { nowMs: 1_000_000 }
  return { clock, news: makeNews({ everyMs: 60_000, namesMax, nowMs: () => clock.nowMs }) }
}

it('news are told once in their time, then with how often they came up since', () => {
  const { clock, news } = make(2)
  expect([news('a'), news('a'), news('a'), news('b')]).toEqual([1, 0, 0, 1])
  clock.nowMs += 59_999
  expect([news('a'), news('b')]).toEqual([0, 0])
  clock.nowMs += 1
  expect([news('a'), news('a'), news('b')]).toEqual([4, 0, 2])
})

it('news are of so many names at most in that time, and of as many others after it', () => {
  const { clock, news } = make(2)
  const told = () => ['a', 'b', 'c', 'd'].map(news)
  expect([told(), told()]).toEqual([
    [1, 1, 0, 0],
    [0, 0, 0, 0],
  ])
  clock.nowMs += 60_000
  expect([news('c'), news('d'), news('a')]).toEqual([1, 1, 0])
})
