// Written by npm run generate. Do not edit.
// From keys/, src/protocol/instructions.ts and parameters.ts.
// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title Verification keys of the instructions. Points of G2 are in the order of the precompile: part of i first.
library Keys {
    /// One more than the greatest code of an instruction.
    uint256 internal constant CODES = 6;
    uint256 internal constant TAG_DEPOSIT = 26;
    uint256 internal constant AMOUNT_BITS = 92;
    uint256 internal constant ACCOUNT_BITS = 20;
    uint256 internal constant ALPHA_X = 0x2ed2c542b7faba4cc9706f10344b3e0072b1383d128b72da76df3ae9e49db2b1;
    uint256 internal constant ALPHA_Y = 0x25b9053af85d1b6827befc1291dc7cd6d4b7a3e26690530a035c45d0ff5d11ac;

    /// Whether anybody can forge proofs: then the venue deploys on a development chain only.
    bool internal constant DEVELOPMENT = true;

    /// Number of public inputs, and at which of them time, log count and log, deposits and payouts begin; 0: has none.
    struct Shape {
        uint256 keyHash;
        uint256 inputs;
        uint256 time;
        uint256 deposits;
        uint256 payout;
        uint256 payouts;
    }

    /// @return shape all 0 when no instruction has the code
    function shape(uint256 code) internal pure returns (Shape memory) {
        if (code == 0) return Shape(0x1600ae8b28009641316d6959ffdf06778bec7a31d8e6f0f8691d7abe3b77384b, 7, 3, 6, 0, 0); // deposit
        if (code == 1) return Shape(0x8581942e54a49e97a1fcab2ba48900633f42f3036b8576adac6763afb50efa47, 6, 3, 0, 0, 0); // admit
        if (code == 2) return Shape(0xa190fd0f70ffa0d19cf20a3ff6507aaf45806baa1f55aeffcd09d3bb053eeec7, 6, 3, 0, 0, 0); // auction
        if (code == 3) return Shape(0xd0100f3b8b724866c6351ad174aa989354613941deea22cabc7cf1d5133cb119, 6, 3, 0, 0, 0); // midpoint
        if (code == 4) return Shape(0x591590dfe9dcfed20e76f413be657fe8668447e275e5eacfbfe7906101d411ec, 3, 0, 0, 0, 0); // settle
        if (code == 5) return Shape(0x3fb812417072102afe9e7bbbe9475dea735c30e9c3e5274103f39b5b0c226008, 7, 0, 0, 3, 4); // withdraw
        return Shape(0, 0, 0, 0, 0, 0);
    }

    function beta() internal pure returns (uint256[4] memory) {
        return [
                0x2aef96c7f62fcb0aad56ddd576ea318b633f2f7a42581671a67778709c691b41,
                0x2ccd7916f2603554a62b87912e5e9944a10799b7855c94c92a650f7f787bbd6e,
                0x01f9aab8e0171df18f08b7cac7c5a2f1fefa82ee28c8ccd78d867e8de086f08c,
                0x1dd65f48abad8c8d845ce1bd1fe25865c94c0089c82d2668c04f3b8f85108fd7
            ];
    }

    function gamma() internal pure returns (uint256[4] memory) {
        return [
                0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2,
                0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed,
                0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b,
                0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa
            ];
    }

    function delta(uint256 code) internal pure returns (uint256[4] memory) {
        if (code == 0) return [
                0x14344119f0ffffefb42d250f28c4369f8f7497cce35394aefca8017789e67c9e,
                0x2cf0152a6929a39156a9aa1d85ca8dda49b28130f9108d12466eb688bd9063ba,
                0x2927bf740c536f570a2f733ede2763b45d2f0e29587eaacb4df616d2671fb0af,
                0x0f7545deb7456a3198d27b17e7f3e3f4915c955f487ec2de2b02354a6a9d4a75
            ];
        if (code == 1) return [
                0x0e06d20099fd2d1a9a88e6b1c99fd7f11b68e826a17e5c938f0b77c6dcbb749b,
                0x22300df6c10ed1b27fc5b2261b2b3744176c20c30aad04a54a7f79193ad59732,
                0x1516e3f64db1ba5e6df11a70f36499d936687339be65502c5ca4d429241ee8d8,
                0x2ce70472f389af93b7ecb669a8c2f7078d6522553cf56128f29a90c687cc6d83
            ];
        if (code == 2) return [
                0x0d2abe66bfad4183da53d8e26efceda37713dda04b8fc86a529b36c504ecfc2a,
                0x13a5930a53ed3df8e131e9dda9b0ef08b9cadde36a9f474391893a1fbc7f13b6,
                0x216f560b30ee2fdc6d545b0d07b8a6475e60875c3b38bc333c65ab9a19bd39be,
                0x198a8ded84c68200c739547e9ad3f45fdd94f5ef723e4cc9e2ce756aaa595257
            ];
        if (code == 3) return [
                0x21ff696fb7e6c001b39d3435065ad8e42d8c1eafd0af9c5d10e47d8c8375d584,
                0x24ae7983f08fc83e24e296539fce5a79f4e5ad8baec0fac14cd7badbf5a9ecb4,
                0x1a143402f945fcd40e3672e781d2e8fc69de487b67a6138a4d79fb85262a2e46,
                0x0a0acc6fa00fafc29bbd9327d3bcc91e1a59cc548261b4b9adf252116e0b229e
            ];
        if (code == 4) return [
                0x2e66f00118bc6a83cc55225bd120f975980d26b85a4ac6eb709557b930470288,
                0x140ef1a6ef3a65a608adc48d7e4395e507b13845c0d513ddc6396952d13760f9,
                0x0ed49349974bc8359e8e659627bb78186c06050b8ac90d847b6b74cb6a4ca25b,
                0x2767e39bff2fd16ce2c214f1b2b7b23cbf28f984b524eb9c709a6b6efd3166e2
            ];
        if (code == 5) return [
                0x202c13a60682d8d365921457a03c5aae7642d92d4b8fa622a8a32b22d9914d82,
                0x2efc9cbb8eba7120bd517bdc76adb5a044447e2c3f07270a230686189ba2b64e,
                0x2fe47a3e5f72e11a10501910cca863c755acaca3e44c9501b442ef371c9a8426,
                0x0facc9874659235c194794c619636769c77f709af5f8b915bc67a09a0c140f8d
            ];
        revert();
    }

    /// @return words x and y of each point: the constant first, then one for each public input
    function ic(uint256 code) internal pure returns (uint256[] memory words) {
        if (code == 0) {
            words = new uint256[](16);
            words[0] = 0x1b67043a51e5bf69934a7aea22ce9b7db34d8d6aea685267db0eaadddec739d5;
            words[1] = 0x1f2501fc2c93eb891b3ccb8e89f68c54ff997195d504cdad2468f0fe921438c0;
            words[2] = 0x097da1887c2cee590a2395d2a47b0b9a3502276a23c8f9089270df28f4149135;
            words[3] = 0x06a6c819e646f8b1d31cd9cf8f9f80fc78af0e11692e22846424fb9824458cc0;
            words[4] = 0x2257a8a9a466a253f2219748e19354b981a5c6f573e1df98d959ffc110bb8461;
            words[5] = 0x19171da08083f5ab250c806051f64187edad766565668b9e18a9054d23e0074d;
            words[6] = 0x29abe4e3b26c5dbd30b67886d7c7f14fed16f7f4d8478a71627332df90c7b172;
            words[7] = 0x2aa09ebfdd8d25de2d44adc1e8fc435c6802f0164625c94ba8003461ece8dd43;
            words[8] = 0x253a9aefac4aec218b8f67879ecc959cac09f5f8830012960092b26d49e28c69;
            words[9] = 0x0316b81ec3d3b44909e5c626d70ad458f58d458f453f8419f73f8f7d7f9deef9;
            words[10] = 0x0bde0475d83a397f9f0b3076ada22c989daa4a0443890303934c229df2fa1949;
            words[11] = 0x053651529645878cb526fd84235e137568c02d61caaf9a4f0cb40f104fb2295e;
            words[12] = 0x262661bf56c52151e80facc1cce3af76a2145674846187067c9f9e95c18b4c10;
            words[13] = 0x18aa9ce05713fd3be37e66d8b4db4573ba5e028560012840e89db2338828f577;
            words[14] = 0x29f30f96c09eb6f6c238d1056bd334e99adf7e89c852091aa649bdc80c93832d;
            words[15] = 0x16b9816a7b988f7f5031d131e87ff3dc9990596e6169d8f1a26556953213b09f;
        }
        if (code == 1) {
            words = new uint256[](14);
            words[0] = 0x10c091cc09b341823dfcecee2fec7a46ec74333f516932f880bae0f884468560;
            words[1] = 0x00829da2e671c31651377db6f502ff38b02972efd0643f515b83187ba6cb2bf2;
            words[2] = 0x268ef27a62562c6e231552fb620a10a652d9ab85cb347b155e2ca9f926d96212;
            words[3] = 0x0c10db691d30a37f6ddf8b41c72add8a57dce2f8e0203b3a8854900de7295aec;
            words[4] = 0x06356c46b90aca5be35156a696ae8a9472acf6b745527925d434253fb0d32509;
            words[5] = 0x130e845f0584fba3f0858fd289b68f27f0bf0494e79aad0370d9057ae2cabf7e;
            words[6] = 0x04dd378b66b7135bbf7f5695f6ad34e68bd9918b7dc320f4865005e2aaba2ecb;
            words[7] = 0x0af9adcae9fa08bf6a14189c9d0f05de2247b68b51d7b2b943a156abad298a96;
            words[8] = 0x2f2859ce262bcbb5e37eb5ded5a5685a162e1d93d87b3cff164e7a8fe995be85;
            words[9] = 0x048282bfcca364b389728433cef3d3ccddff65686d3d0128ab19bc807d72e9e1;
            words[10] = 0x2e3acc6a074cb89156829efdc4c96f4a4ae4048b9642c73ce0811cc50bb66003;
            words[11] = 0x059d37f44421e42f291c359618971520d315ce5ef3853c24e74768ea883261d4;
            words[12] = 0x12ecb73dbd00e1c255870fabad64493a9d83441796d5f04131485132afef4012;
            words[13] = 0x2fc0a5df56e56ce8e1624aff87f1048a9b0fd6c1aebca189643bf3bba39dcad6;
        }
        if (code == 2) {
            words = new uint256[](14);
            words[0] = 0x1e4e5b44a93ef60b76b6ed1cd2b52fec5e9990cf21d5f3149f414ff280942c3c;
            words[1] = 0x15c8173d992bb90bf8b54c0946a5d641cc0609644c27ea34033474f8c35fef7c;
            words[2] = 0x1f8ae5537edc019a946bcaf719bbb7c568c27a7ed833a1866f0ab3c81fd4171a;
            words[3] = 0x16f3a49a70b6d23604f24ae6bc4bd2428e5125938ee0b0291b2bf5888e18024a;
            words[4] = 0x275c32837a64ce6dd96555e8becdf894d721bb696ae8e8e653d14641957b869a;
            words[5] = 0x0cf355481f975c02852dee5d337396c25ed498483811003c3eb97c6c69867123;
            words[6] = 0x09497157941cd0f28509196fea219810b452452fbe9f28cae8ef731818d2118e;
            words[7] = 0x020723b6a71f48d9149ab58f0c42d6ad1c51c58f7f76c426041846cfc7d668ba;
            words[8] = 0x040030a3f0afe5ccd9333e24c50eab1b474505b21521eee2bbaf429008769a8d;
            words[9] = 0x2a9a883d11abdf77aa345df383a4f0d742c6d17a992b00e9e70ab8dd35f81e4d;
            words[10] = 0x2c04823212a3ac0306fbb8a329b2c03d2733fb45a3407ba769fbb61ab8a9c524;
            words[11] = 0x27c36c378792932650a08c43d1fd9313568a3acd0feb5f793bdb6bfb5bcb38dc;
            words[12] = 0x2b5b760d23a8d222fbfabf6edf55054a821e3d71471cac2c356e7c2c03814240;
            words[13] = 0x082f9532e1e283c155d4637fa7f1dab1ed9e94a6e209ae46227cf4db5b0d18eb;
        }
        if (code == 3) {
            words = new uint256[](14);
            words[0] = 0x2e268e658906454cad0d20050a35719dac6f89467aa33a3bb7ac91c4f4045b21;
            words[1] = 0x19bdf8f887c286702c222ed478c15c4003772068d4098cb81124d3981ce50ea7;
            words[2] = 0x03e83f99e5fc4dacf76e80522f9467922ac62a14f09d2b74d4254f7f6e7899d3;
            words[3] = 0x10a80e19e39543cdb763c72ad2f846b6710c6f1002077ede97cfbc2392b50f04;
            words[4] = 0x1c4dbb4f4fd09e0fb0e6096ca90cd0edd9914ddba1d1c46116838cf2b775597e;
            words[5] = 0x1765bebe253c194975280d6b27c70ca606435b4d2e5d861321555f27ee185743;
            words[6] = 0x2a3920568ef884e0f247c27b65502ff19e7139e23d43e81a8f4c86496eccb2d3;
            words[7] = 0x11bd027d4ed35b5039919fe893672183909ce092a7641a09ea7741579b8554d2;
            words[8] = 0x1537c1569d8a0197e346e305ec2799815fe5969e62702ebfde6e9793a4909bd9;
            words[9] = 0x1d8f25f733389fe8b195f0b3a584393b6b824d4da2d6ebe4dc4387a325284cb8;
            words[10] = 0x1c036523d04b4a5665994b002f2b0261ffc11d715d5bbbeea7a6550314c69228;
            words[11] = 0x04ea01bdbb17b572323bdf6d41bd165aee97bff869f9fb1dcbf1cbd12555b574;
            words[12] = 0x0eacc87b1e9cd8174ecb2e1c90dc41711d648c64f88b937cdf26fd781a14db76;
            words[13] = 0x2be22631fa0ea33300f9ecd09ab79fa1fcd134893871ecc27b9bfbf99fe7c22a;
        }
        if (code == 4) {
            words = new uint256[](8);
            words[0] = 0x2083e03560c1d0ddc7967121cc9d9ec3d6cc9ba86a3462317479fd6b4ed0d2cf;
            words[1] = 0x10cd0ec87dbf361c25db098eb619c417796a7dd2ce777f50cd4fa768f6095778;
            words[2] = 0x166d5543bd742c2adfe94727816f65e3a39632944fcbb815064e429a21d70992;
            words[3] = 0x1e4ec1dfa56ab3b91073c573bd3184d6a78a96a050a35e96e8662ea7d3ea7ee8;
            words[4] = 0x25457c1c844df2ae5e7c032c75790a115cd7b4a2bfecce432736e820ea63010b;
            words[5] = 0x1d006918b9771daa4aa07c6e4b611489961a9c5cd279cd4a4513b826329c21eb;
            words[6] = 0x000c111e39867e9c7752a8e115b515e0ff3d3e97a0792578fee8c57e6620fb2f;
            words[7] = 0x265c35f8103bad9ca89a49121b29ab8ba0132471f519f0d91e9da9d2c2f889b4;
        }
        if (code == 5) {
            words = new uint256[](16);
            words[0] = 0x2db7b1a7c9f492046708c777a30751aaa9de583c4270af253d2c4e6e061bc996;
            words[1] = 0x1f1488b06584bcf944259ce6fdebb1c17cb2fcaeedef3a8379ccce13eb0acda4;
            words[2] = 0x21cb75951a7276cb246cbb3ae70d5ae8092b3a394c9d2ebd2c216494c06a03b4;
            words[3] = 0x03052f785e549dd7221922ab3fd1fe6878529a2f787894d608fe15b5bc3395a2;
            words[4] = 0x206c7a4d617a4a8ef4c65a53473464b859f26aa776cd3dd2ccee2e988f287237;
            words[5] = 0x258783608e8842def4159fb9ee98b65b3541d9602c78efae00aaf8667e973d98;
            words[6] = 0x13fc9f9caf733f2633bdecdef9222f585102ac38aad47506e06b311a431b2f22;
            words[7] = 0x0f83b50a7fe878dd349d70501951342c90d84eff491a73aafbfb92b0ddf81019;
            words[8] = 0x05280e44064bd778fc4a7bf3d157fd47168019e22ccfce76a768530e205e7c34;
            words[9] = 0x272ec903423ec67f30f3e6d53fe5ac642f369cbe23aef5613cf0544bbc20bd54;
            words[10] = 0x29a9441b2ecf83899cb965e880fe15e1ba3850cd245bec2cc2a2edef4213aee5;
            words[11] = 0x006ef32610f1a0a1ea34209bf957a5d0f04395eeaa5b7c11525b4afa8649013e;
            words[12] = 0x1d3886290ad5cdd14ceb4f2a097853c466a546f1bcb5a6db73cff86c6e3df0f7;
            words[13] = 0x165a3930ca7c0f3836028e76a8837bdbb8bfd0ac039cc6c9beff0644cfee3a89;
            words[14] = 0x0ebe6dcaffb471990f72622fec8da975ef13b7c7568be0ab5d15278fc40a3674;
            words[15] = 0x0be33cdcec55f97b974d87568b60998c545e27ac0ce59e92747b8277b08e6d0f;
        }
    }
}
