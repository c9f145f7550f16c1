-- SPDX-License-Identifier: MIT
-- script.lua: strings, tables, patterns, sorting, closures, coroutines.
local state = 12345
local function random (n)
  state = (state * 1103515245 + 12345) % 2147483648
  return state // 256 % n
end

local function sum (text)
  local total = 0
  for i = 1, #text do total = (total * 31 + text:byte (i)) % 4294967296 end
  return total
end

local count, lists = {}, {}
for i = 1, 60000 do
  local letters = {}
  for k = 1, 2 + random (4) do letters[k] = string.char (97 + random (26)) end
  local word = table.concat (letters)
  count[word] = (count[word] or 0) + 1
  lists[#word] = lists[#word] or {}
  table.insert (lists[#word], word .. tostring (i):rep (random (3)))
end
local most = {}
for word in pairs (count) do most[#most + 1] = word end
table.sort (most, function (a, b) if count[a] ~= count[b] then return count[a] > count[b] end return a < b end)
print (#most, table.concat (most, ' ', 1, 20))
for length = 2, 5 do
  table.sort (lists[length])
  local text = table.concat (lists[length], ',')
  local changed, times = text:gsub ('([aeiou])(%d*)', '<%2%1>')
  print (length, #text, sum (text), #changed, times, changed:sub (1, 40))
end
for _, word in ipairs (most) do if word < 'n' then count[word] = nil end end
collectgarbage ()
local left = 0
for _ in pairs (count) do left = left + 1 end
print (left, 'left')

local closures, total = {}, 0
for n = 1, 5000 do
  closures[n] = function (more) n = n + more return n .. ':' .. ('x'):rep (n % 50) end
end
for turn = 1, 10 do for _, closure in ipairs (closures) do total = total + #closure (turn) end end
print ('closures', total)

local parts = {}
for n = 1, 200000 do parts[n] = n .. ';' end
local grown = table.concat (parts):reverse ()
print (#grown, sum (grown), grown:sub (1000, 1030))
local function tree (depth) if depth == 0 then return nil end return { tree (depth - 1), tree (depth - 1), depth = depth } end
local function nodes (node) if not node then return 0 end return 1 + nodes (node[1]) + nodes (node[2]) end
print ('nodes', nodes (tree (16)))
local producer = coroutine.wrap (function () for n = 1, 2000 do coroutine.yield (('c'):rep (n)) end end)
total = 0
for text in producer do total = total + #text end
print (total, string.format ('%.12f', math.sqrt (2)), string.pack ('>I4s2z', 7, 'abc', 'def'):byte (1, -1))
