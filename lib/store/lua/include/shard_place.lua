-- In a Cluster, the slot of a shard may be on the move: each of its keys may be gone to the other node already, or not yet. A key
-- that never is there tells it: where the slot is another node's, or moves, to look for it is an error.
local function placeKey(prefix, shard) return prefix .. 'moving:' .. shard end

-- Whether an error is that one, and no fault of a key.
local function isMoving(problem)
  local text = type(problem) == 'table' and problem.err or problem
  return type(text) == 'string' and string.find(text, 'non local key', 1, true) ~= nil
end

-- Whether an error is that this node serves nothing now, since the Cluster is not whole.
local function isDown(problem)
  local text = type(problem) == 'table' and problem.err or problem
  return type(text) == 'string' and string.find(text, 'while the cluster is down', 1, true) ~= nil
end
