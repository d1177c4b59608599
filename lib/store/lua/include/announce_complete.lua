-- include: swarm_head add_to_totals check_totals tell_event
-- Downloads that are completed. Of announce.lua: it uses what a call is about.

-- Raises an error where a completed download cannot be counted.
local function checkCompletion(key)
  checkTotals(totalsOf(key))
  call('ZCARD', key .. ':done')
end

-- Counts a completed download, once for an endpoint until the sweep forgets it. Its keys were checked.
local function complete(key, head, endpoint)
  if call('ZADD', key .. ':done', 'NX', now, endpoint) == 0 then return head end
  addToTotals(totalsOf(key), 'completed', '1')
  local leechers, seeders, completed = countsOf(head)
  head = headWithCounts(head, leechers, seeders, completed + 1)
  call('HSET', key, 'head', head, 'completed', completed + 1)
  tellEvent(prefix, eventsMax, 'completed', key)
  return head
end
