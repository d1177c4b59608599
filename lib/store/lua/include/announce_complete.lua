-- include: swarm_head add_to_totals check_totals tell_event
-- Downloads that are completed. Of announce.lua: it uses what a call is about.

-- Raises an error where a completed download cannot be counted.
local function checkCompletion(key)
  checkTotals(totalsOf(key))
  call('ZCARD', key .. ':done')
end

-- As much as a head can hold: an import may bring it.
local COMPLETED_MAX = 2 ^ 32 - 1

-- Counts a completed download, once for an endpoint until the sweep forgets it. Its keys were checked.
local function complete(key, head, endpoint)
  local leechers, seeders, completed = countsOf(head)
  if completed == COMPLETED_MAX then return head end
  if call('ZADD', key .. ':done', 'NX', now, endpoint) == 0 then return head end
  addToTotals(totalsOf(key), 'completed', '1')
  head = headWithCounts(head, leechers, seeders, completed + 1)
  call('HSET', key, 'head', head, 'completed', completed + 1)
  tellEvent(prefix, eventsMax, 'completed', key)
  return head
end
