-- The list of the same family and the other role.
local function otherRole(list) return list + 1 - 2 * (list % 2) end
