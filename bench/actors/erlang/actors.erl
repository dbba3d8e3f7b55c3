%% Erlang/OTP with the same work: gen_servers under a simple_one_for_one supervisor.
%%   erl -noshell -pa EBIN -run actors main ACTORS MESSAGES CRASHES
%% Prints one JSON object with the fields of playedSchema (bench/actors/subject.ts).
-module(actors).
-behaviour(supervisor).
-export([main/1, init/1, start_worker/1, handle_call/3, handle_cast/2]).

-define(RECEIVERS, 1000).

main([Actors, Messages, Crashes]) ->
    try
        play(list_to_integer(Actors), list_to_integer(Messages), list_to_integer(Crashes)),
        halt(0)
    catch
        Class:Reason:Stack ->
            io:format(standard_error, "failed: ~p ~p ~p~n", [Class, Reason, Stack]),
            halt(1)
    end.

init(pool) ->
    Worker = #{id => worker, start => {?MODULE, start_worker, []}, shutdown => 1000},
    {ok, {#{strategy => simple_one_for_one, intensity => 1000000, period => 1}, [Worker]}};
init({worker, {told, To}}) ->
    To ! {up, self()},
    {ok, {told, To}};
init({worker, Counter}) ->
    {ok, Counter}.

start_worker(Counter) -> gen_server:start_link(?MODULE, {worker, Counter}, []).

handle_call(_, _, Counter) -> {reply, ok, Counter}.

handle_cast(work, Counter) ->
    counters:add(Counter, 1, 1),
    {noreply, Counter};
handle_cast({tell, To}, Counter) ->
    To ! worked,
    {noreply, Counter};
handle_cast(crash, _) ->
    exit(told_to).

play(Actors, Messages, Crashes) ->
    %% A report of each crash would be what is measured.
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    Counter = counters:new(1, []),
    {ok, Pool} = supervisor:start_link(?MODULE, pool),
    _ = spawn_workers(Pool, Counter, 2000),
    erlang:garbage_collect(Pool),
    Memory = erlang:memory(total),
    {SpawnProcessor, SpawnPassed, Workers} = timed(fun() -> spawn_workers(Pool, Counter, Actors) end),
    [erlang:garbage_collect(Pid) || Pid <- [Pool | Workers]],
    Bytes = (erlang:memory(total) - Memory) / Actors,
    Receivers = list_to_tuple(lists:sublist(Workers, ?RECEIVERS)),
    {SendProcessor, SendPassed, ok} = timed(fun() -> send_all(Receivers, Messages, Counter) end),
    {ok, First} = supervisor:start_child(Pool, [{told, self()}]),
    receive {up, First} -> ok end,
    Restarts = lists:sort(crashes(First, Crashes)),
    io:format(
        "{\"spawned\":~b,\"spawnProcessorUs\":~f,\"spawnPassedUs\":~f,\"heapBytes\":~f,"
        "\"processBytes\":~f,\"messages\":~b,\"messagesPerSecond\":~f,\"messageProcessorNs\":~f,"
        "\"crashP50Us\":~f,\"crashP99Us\":~f}~n",
        [Actors, SpawnProcessor / Actors, SpawnPassed / Actors, Bytes, Bytes, Messages,
         Messages * 1.0e6 / SendPassed, SendProcessor * 1.0e3 / Messages,
         share(Restarts, 0.5), share(Restarts, 0.99)]).

spawn_workers(Pool, Counter, Count) ->
    [begin {ok, Pid} = supervisor:start_child(Pool, [Counter]), Pid end || _ <- lists:seq(1, Count)].

send_all(Receivers, Messages, Counter) ->
    send(Receivers, Messages, 0),
    wait(Counter, Messages).

send(_, 0, _) -> ok;
send(Receivers, Left, At) ->
    gen_server:cast(element(At + 1, Receivers), work),
    send(Receivers, Left - 1, (At + 1) rem tuple_size(Receivers)).

wait(Counter, Messages) ->
    case counters:get(Counter, 1) of
        Messages -> ok;
        _ -> erlang:yield(), wait(Counter, Messages)
    end.

%% Microseconds from the message that crashes until the next life has worked on one.
crashes(_, 0) -> [];
crashes(Pid, Left) ->
    Begun = erlang:monotonic_time(nanosecond),
    gen_server:cast(Pid, crash),
    Next = receive {up, New} -> New end,
    gen_server:cast(Next, {tell, self()}),
    receive worked -> ok end,
    [(erlang:monotonic_time(nanosecond) - Begun) / 1000 | crashes(Next, Left - 1)].

timed(Work) ->
    {Ran, _} = erlang:statistics(runtime),
    Begun = erlang:monotonic_time(microsecond),
    Result = Work(),
    Passed = erlang:monotonic_time(microsecond) - Begun,
    {Ended, _} = erlang:statistics(runtime),
    {(Ended - Ran) * 1000, Passed, Result}.

share(Sorted, Share) ->
    Index = min(length(Sorted), trunc(length(Sorted) * Share) + 1),
    float(lists:nth(Index, Sorted)).
