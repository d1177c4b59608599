#!lua flags=no-writes,allow-cross-slot-keys
-- Looks at keys that have the names of swarms, of chunks and of memories of completed downloads, for what the index
-- cannot tell: whether each belongs to a swarm, and each swarm to the index.
--
-- keys: none declared (a batch reaches every slot)
-- args: prefix of all keys
--       then the keys
-- reply: for each that something is wrong with, its number among them, from 1, and a word (include/key_problem.lua)
-- include: key_problem
local prefix, found = ARGV[1], {}
for i = 2, #ARGV do
  local problem = keyProblem(prefix, ARGV[i])
  if problem then
    found[#found + 1] = i - 1
    found[#found + 1] = problem
  end
end
return found
