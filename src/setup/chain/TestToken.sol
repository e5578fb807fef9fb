// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title A token for tests: all of it belongs to its maker at first. It can be told to misbehave.
contract TestToken {
    uint256 public constant totalSupply = 1 << 120;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    /// Kept back from each transfer.
    uint256 public fee;
    /// What the transfer functions return: 0 nothing, 1 true, 2 false.
    uint256 public answer = 1;

    /// Taken from the sender besides.
    uint256 public surcharge;

    constructor() {
        balanceOf[msg.sender] = totalSupply;
    }

    function misbehave(uint256 newFee, uint256 newAnswer) external {
        (fee, answer) = (newFee, newAnswer);
    }

    function overcharge(uint256 newSurcharge) external {
        surcharge = newSurcharge;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external {
        move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        move(from, to, amount);
    }

    function move(address from, address to, uint256 amount) private {
        balanceOf[from] -= amount + surcharge;
        balanceOf[to] += amount - fee;
        if (answer == 0) return;
        bool success = answer == 1;
        assembly {
            mstore(0, success)
            return(0, 32)
        }
    }
}
