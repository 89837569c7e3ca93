-- job_submit.lua: asks a hal serve on this machine where a new job should run, and pins it there (req_nodes).
--
-- slurmctld calls this for every submission while it holds its locks, so there is one limit on everything, connecting
-- included: after it, or after any fault, Slurm chooses as it always does, and hal is not asked again for a while.
-- Only what hal's answer can stand for is asked about; every other job is left to Slurm.
--
-- Needs lua-socket for the Lua that slurmctld is linked to. Settings: a Lua file that returns a table, named by the
-- variable HAL_SUBMIT_CONF in slurmctld's environment, else /etc/slurm/hal_submit.lua; see the defaults below.

local found, socket = pcall(require, "socket")

local settings = {
  host = "127.0.0.1",  -- an address, not a name: names are looked up without a limit on time
  port = 8420,
  token_file = "",     -- file with the server's token
  policy = "",         -- empty: the server's
  limit = 0.004,       -- seconds that one submission may wait for hal
  pause = 1.0,         -- seconds during which hal is not asked after it failed
  threads = 1,         -- CPUs of a core, where Slurm gives whole cores (CR_Core) and they have several threads
  settle = 3.0,        -- seconds after which the server has seen in Slurm what was pinned
}
-- What was pinned lately is told with each question, so that a burst does not pile up on one node; of more than this,
-- Slurm places the rest.
local MOST = 32
local token = ""
local quiet_until, count = 0, 0
local pinned = {}

local function configure()
  local path = os.getenv("HAL_SUBMIT_CONF") or "/etc/slurm/hal_submit.lua"
  local file = io.open(path, "r")
  if file == nil then return end
  file:close()
  local ok, given = pcall(dofile, path)
  if not ok or type(given) ~= "table" then
    slurm.log_error("hal: %s is not read: %s", path, tostring(given))
    return
  end
  for key, value in pairs(given) do
    if type(settings[key]) == type(value) then
      settings[key] = value
    else
      slurm.log_error("hal: %s: %s is no setting of this kind", path, tostring(key))
    end
  end
  local secret = settings.token_file ~= "" and io.open(settings.token_file, "r")
  if secret then
    token = (secret:read("*l") or ""):gsub("[%c%s]", "")
    secret:close()
  end
end
configure()

-- ---- the question ----------------------------------------------------------------------------------------

local ESCAPED = { ['"'] = '\\"', ["\\"] = "\\\\" }

local function quoted(text)
  return '"' .. tostring(text):gsub('[%c"\\]', function(c) return ESCAPED[c] or string.format("\\u%04x", c:byte()) end) .. '"'
end

-- A number that was asked for: Slurm marks what was not with the largest two values of its width.
local function asked(value, none)
  value = tonumber(value)
  if value == nil or value >= (none or slurm.NO_VAL) then return nil end
  return value
end

local function empty(value)
  return value == nil or value == ""
end

-- GPUs, their model and other GRES of one node; nil for a form that is not understood.
local function devices(text)
  local gpus, model, others = 0, nil, {}
  for part in (text or ""):gmatch("[^,]+") do
    local name = part:gsub("^gres[:/]", ""):gsub("=", ":")
    local kind, rest = name:match("^([%w_%-]+):?(.*)$")
    if kind == nil then return nil end
    local amount = rest:match("^(%d+)$") or rest:match(":(%d+)$") or (rest:match("%d+[KMG]$") and "?") or "1"
    if amount == "?" then return nil end
    local type_of = rest:match("^(%D[^:]*)")
    if kind == "gpu" then
      if gpus > 0 then return nil end
      gpus, model = tonumber(amount), type_of
    else
      others[#others + 1] = quoted("gres/" .. kind) .. ":" .. amount
    end
  end
  return gpus, model, others
end

local function default_partition(partitions)
  for name, partition in pairs(partitions) do
    if partition.flag_default == 1 then return name end
  end
  return nil
end

-- The template with the selector in its place; not by gsub or format, to which names may hold signs.
local function filled(template, selector)
  local at = template:find('"selector":[%s]', 1, true) + #'"selector":['
  return template:sub(1, at - 1) .. selector .. template:sub(at + 2)
end

-- One requirement on labels as JSON.
local function requirement(key, op, values)
  return '{"key":' .. quoted(key) .. ',"op":"' .. op .. '","values":[' .. table.concat(values or {}, ",") .. "]}"
end

-- A job in JSON that takes a selector, the selector, and how many nodes it is about; nil and why where hal is not asked.
local function question(job, partitions)
  for _, field in ipairs({ "req_nodes", "exc_nodes", "reservation", "array_inx", "dependency", "tres_per_job",
                           "tres_per_task", "tres_per_socket", "cpus_per_tres", "mem_per_tres" }) do
    if not empty(job[field]) then return nil, field end
  end
  if asked(job.contiguous, slurm.NO_VAL16) == 1 then return nil, "contiguous" end
  if (asked(job.pn_min_tmp_disk) or 0) > 0 then return nil, "pn_min_tmp_disk" end
  if (asked(job.req_switch) or 0) > 0 then return nil, "req_switch" end
  if (asked(job.shared, slurm.NO_VAL16) or 0) > 1 then return nil, "shared" end  -- exclusive=user and the like
  if asked(job.het_job_offset) then return nil, "het_job_offset" end
  if job.priority == 0 then return nil, "held" end
  if (asked(job.begin_time) or 0) > os.time() then return nil, "begin_time" end
  local features = job.features or ""
  if features:find("[|%[%]()*]") then return nil, "features" end
  local partition = job.partition or default_partition(partitions) or ""
  if partition == "" or partition:find(",") then return nil, "partition" end
  local gpus, model, others = devices(job.tres_per_node)
  if gpus == nil then return nil, "tres_per_node" end

  local nodes = asked(job.min_nodes) or 1
  local cpus = math.ceil(math.max(asked(job.min_cpus) or 1, nodes) / nodes)
  cpus = math.max(cpus, asked(job.pn_min_cpus, slurm.NO_VAL16) or 1)
  if asked(job.threads_per_core, slurm.NO_VAL16) then return nil, "threads_per_core" end
  cpus = math.ceil(cpus / math.max(settings.threads, 1)) * math.max(settings.threads, 1)
  local memory = asked(job.min_mem_per_node) or (asked(job.min_mem_per_cpu) or 0) * cpus
  count = count + 1
  local name = string.format("slurm-submit-%d-%d", math.floor(socket.gettime() * 1000), count)
  local selector = { requirement("partition/" .. partition, "Exists") }
  for feature in features:gmatch("[^&%s]+") do selector[#selector + 1] = requirement("feature/" .. feature, "Exists") end
  local fields = {
    '"name":' .. quoted(name),
    '"tasks":' .. nodes,
    '"cpus":' .. cpus,
    '"memory":' .. memory,
    '"gpus":' .. gpus,
    '"resources":{' .. table.concat(others, ",") .. "}",
    '"exclusive":' .. tostring(job.shared == 0),
  }
  if model then fields[#fields + 1] = '"gpu_models":[' .. quoted(model) .. "]" end
  if nodes > 1 then  -- a node of its own for each part
    fields[#fields + 1] = '"labels":{"slurm/job":' .. quoted(name) .. "}"
    fields[#fields + 1] = '"rules":[{"rule":"anti_affinity","jobs":{"slurm/job":' .. quoted(name) .. "}}]"
  end
  return "{" .. table.concat(fields, ",") .. ',"selector":[%s]}', table.concat(selector, ","), nodes
end

-- The request: what was pinned lately on its nodes, then the job.
local function request(job, selector, now)
  while pinned[1] and pinned[1].at + settings.settle < now do table.remove(pinned, 1) end
  if #pinned >= MOST then return nil end
  local jobs = {}
  for index, earlier in ipairs(pinned) do jobs[index] = earlier.text end
  jobs[#jobs + 1] = filled(job, selector)
  local policy = settings.policy ~= "" and ',"policy":' .. quoted(settings.policy) or ""
  return '{"jobs":[' .. table.concat(jobs, ",") .. "]" .. policy .. "}"
end

-- ---- the answer ------------------------------------------------------------------------------------------

-- What the server says to a request, or nil and why; never later than `limit` seconds after `begin`.
local function post(body, begin)
  local client = socket.tcp()
  local function left()
    local seconds = begin + settings.limit - socket.gettime()
    client:settimeout(math.max(seconds, 0.000001), "t")
    return seconds > 0
  end
  local function talk()
    left()
    local ok, why = client:connect(settings.host, settings.port)
    if not ok then return nil, why end
    local head = {
      "POST /v1/place HTTP/1.1", "Host: " .. settings.host, "Content-Type: application/json", "Connection: close",
      "Content-Length: " .. #body,
    }
    if token ~= "" then head[#head + 1] = "Authorization: Bearer " .. token end
    if not left() then return nil, "timeout" end
    ok, why = client:send(table.concat(head, "\r\n") .. "\r\n\r\n" .. body)
    if not ok then return nil, why end
    local status, length
    while true do  -- the lines of the head, each within what is left of the time
      if not left() then return nil, "timeout" end
      local line
      line, why = client:receive("*l")
      if line == nil then return nil, why end
      if line == "" then break end
      status = status or line:match("^HTTP/1%.%d (%d%d%d)")
      length = length or line:lower():match("^content%-length: *(%d+)")
    end
    if status ~= "200" or length == nil or tonumber(length) > 1000000 then
      return nil, "status " .. tostring(status)
    end
    if not left() then return nil, "timeout" end
    return client:receive(tonumber(length))
  end
  local answer, why = talk()
  client:close()
  return answer, why
end

-- The nodes of the last job of an answer, or nil and why.
local function nodes_of(answer, wanted)
  local status = answer:match('.*"status" *: *"(%u+)"')
  if status ~= "PLACED" then return nil, status or "no answer of hal" end
  local names, seen = {}, {}
  for name in (answer:match('.*"nodes" *: *%[([^%]]*)%]') or ""):gmatch('"([^"]*)"') do
    if not name:match("^[%w][%w_.%-]*$") or seen[name] then return nil, "no node names" end
    seen[name] = true
    names[#names + 1] = name
  end
  if #names ~= wanted then return nil, "another number of nodes" end
  return names
end

-- Ask hal about one job and pin it. For sites with a job_submit.lua of their own: dofile this one and call hal_pin.
function hal_pin(job, partitions)
  if not found then return end
  local begin = socket.gettime()
  if begin < quiet_until then return end
  local template, selector, count_of_nodes = question(job, partitions)
  local body = template and request(template, selector, begin)
  if not body then
    slurm.log_debug("hal: left to Slurm (%s)", template and "many were pinned just now" or selector)
    return
  end
  local answer, why = post(body, begin)
  local nodes
  if answer == nil then
    quiet_until = socket.gettime() + settings.pause
  else
    nodes, why = nodes_of(answer, count_of_nodes)
  end
  local took = (socket.gettime() - begin) * 1000
  if nodes ~= nil then
    job.req_nodes = table.concat(nodes, ",")
    for index, name in ipairs(nodes) do nodes[index] = quoted(name) end
    pinned[#pinned + 1] = { at = begin, text = filled(template, requirement("slurm/node", "In", nodes)) }
    slurm.log_info("hal: placed on %s in %.2f ms", job.req_nodes, took)
  else
    slurm.log_info("hal: left to Slurm (%s) after %.2f ms", tostring(why), took)
  end
end

if not found then slurm.log_error("hal: lua-socket is not installed: Slurm places every job itself") end

function slurm_job_submit(job_desc, part_list, submit_uid)
  local ok, why = pcall(hal_pin, job_desc, part_list)
  if not ok then slurm.log_error("hal: %s", tostring(why)) end
  return slurm.SUCCESS
end

function slurm_job_modify(job_desc, job_rec, part_list, modify_uid)
  return slurm.SUCCESS
end
